import {
  type AdapterHost,
  type AttachedDevice,
  createSignal,
  type DeviceMemory,
  type DevicePlan,
  type DeviceState,
  type RegisterLine,
} from 'lwm2m-gateway/adapter';
import type { Bus } from './bus.ts';
import type { Medium } from './cost.ts';
import { type Answer, ask, causeOf } from './exchange.ts';
import { createLatency } from './latency.ts';
import { createLearned } from './learned.ts';
import type { Link } from './link.ts';
import type { Request } from './pdu.ts';
import { compileDevice } from './points.ts';
import type { Urgency } from './queue.ts';
import { createReader } from './read.ts';
import { createRegisterAccess } from './registers.ts';
import { createWriter } from './write.ts';

/** The way to a device, which it shares with others. */
export interface Way {
  readonly bus: Bus;
  readonly link: Link;
  readonly medium: Medium;
  readonly line: RegisterLine;
}

/** One device of a connection: what it is asked goes through the queue that it shares with the others. */
export function createDevice(
  plan: DevicePlan,
  { bus, link, medium, line }: Way,
  host: AdapterHost,
  memory?: DeviceMemory,
): AttachedDevice {
  const { clock } = host;
  const log = host.log.child({ device: plan.id });
  const device = compileDevice(plan);
  const states = createSignal<DeviceState>();
  const stopListening = link.onChange(updateState);
  let isDetached = false;
  /** the unit said nothing the last time it was asked, though the connection works */
  let isSilent = false;
  let state = currentState();

  function currentState(): DeviceState {
    if (isDetached || link.state === 'closed') return { reachable: false, cause: 'closed' };
    if (link.state !== 'up') return { reachable: false, cause: 'disconnected' };
    return isSilent ? { reachable: false, cause: 'timeout' } : { reachable: true };
  }

  function updateState(): void {
    // Silence on a connection that was lost says nothing about the next one.
    if (link.state === 'down') isSilent = false;
    const next = currentState();
    if (next.reachable === state.reachable && next.cause === state.cause) return;
    state = next;
    states.emit(next);
  }

  function noteAnswer(answer: Answer): void {
    if (answer.status === 'failed' && answer.cause !== 'timeout') return;
    isSilent = answer.status !== 'done' && causeOf(answer) === 'timeout';
    updateState();
  }

  async function askUnit(
    request: Request,
    urgency: Urgency,
    deadlineAt: number,
    leastMs = 0,
  ): Promise<Answer> {
    if (isDetached) return { status: 'failed', cause: 'closed', sent: false };
    const { unit } = device;
    const job = { unit, request, urgency, timeoutMs: plan.requestTimeoutMs, leastMs, deadlineAt };
    // Who said nothing the last time is asked once: a dead device must not cost the others their time.
    const answer = await ask(bus, clock, job, isSilent ? 0 : plan.retries);
    noteAnswer(answer);
    return answer;
  }

  const read = createReader({
    device,
    latency: createLatency(medium),
    learned: createLearned(clock, log, memory),
    clock,
    ask: askUnit,
  });
  const changing = new Set<number>();
  const wait = (delayMs: number): Promise<void> => bus.wait(delayMs);
  const write = createWriter({
    device,
    clock,
    changing,
    requestTimeoutMs: plan.requestTimeoutMs,
    ask: (request, deadlineAt, leastMs) => askUnit(request, 'write', deadlineAt, leastMs),
    wait,
  });
  const registers = createRegisterAccess({ plan, device, line, link, clock, changing, ask: askUnit, wait });

  return {
    read: (points, { priority, deadlineMs }) => read(points, priority, deadlineMs),
    write: (operations, { deadlineMs }) => write(operations, deadlineMs),
    // A Modbus device never speaks by itself.
    onSamples: () => () => {},
    onState: (listener) => states.subscribe(listener),
    get state() {
      return state;
    },
    ...(registers === undefined ? {} : { registers }),
    detach() {
      isDetached = true;
      stopListening();
      updateState();
    },
  };
}
