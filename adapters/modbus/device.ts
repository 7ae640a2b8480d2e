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
import { type Answer, ask, causeOf, reasonOf } from './exchange.ts';
import type { CompiledDevice } from './field.ts';
import { createLatency } from './latency.ts';
import { createLayout } from './layout.ts';
import { createLearned } from './learned.ts';
import type { Link } from './link.ts';
import type { Request } from './pdu.ts';
import type { Urgency } from './queue.ts';
import { createReader, failureOf } from './read.ts';
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
    if (isSilent || link.state === 'down') layout.suspect();
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
    through: Pick<Bus, 'request'> = bus,
  ): Promise<Answer> {
    if (isDetached) return { status: 'failed', cause: 'closed', sent: false };
    const { unit } = layout.device;
    const job = { unit, request, urgency, timeoutMs: plan.requestTimeoutMs, leastMs, deadlineAt };
    // Who said nothing the last time is asked once: a dead device must not cost the others their time.
    const answer = await ask(
      { request: through.request, wait: bus.wait },
      clock,
      job,
      isSilent ? 0 : plan.retries,
    );
    noteAnswer(answer);
    return answer;
  }

  const wait = (delayMs: number): Promise<void> => bus.wait(delayMs);
  const layout = createLayout({ plan, clock, log, ask: askUnit, wait });
  const latency = createLatency(medium);
  const learned = createLearned(clock, log, memory);
  const changing = new Set<number>();

  const writerThrough = (through: Pick<Bus, 'request'>, device: CompiledDevice) =>
    createWriter({
      device,
      clock,
      changing,
      requestTimeoutMs: plan.requestTimeoutMs,
      ask: (request, deadlineAt, leastMs) => askUnit(request, 'write', deadlineAt, leastMs, through),
      wait,
    });

  const setUp = (device: CompiledDevice) => ({
    device,
    read: createReader({ device, latency, learned, clock, ask: askUnit, onMisplaced: layout.doubt }),
    write: writerThrough(bus, device),
  });
  let known = setUp(layout.device);
  /** The device as it is laid out by now. */
  const current = (): typeof known => {
    if (known.device !== layout.device) known = setUp(layout.device);
    return known;
  };
  const registers = createRegisterAccess({ plan, layout, line, link, clock, changing, ask: askUnit, wait });

  return {
    async read(points, { priority, deadlineMs }) {
      if (!layout.isUnsettled) return current().read(points, priority, deadlineMs);
      const deadlineAt = clock.monotonic() + deadlineMs;
      const refusal = await layout.settle(priority, deadlineAt);
      if (refusal === undefined) return current().read(points, priority, deadlineAt - clock.monotonic());
      const failure = failureOf(refusal, clock.now());
      return points.map((point) => ({ point, ...failure }));
    },
    async write(operations, { deadlineMs }) {
      if (!layout.isUnsettled) return current().write(operations, deadlineMs);
      const deadlineAt = clock.monotonic() + deadlineMs;
      const refusal = await layout.settle('demand', deadlineAt);
      if (refusal === undefined) return current().write(operations, deadlineAt - clock.monotonic());
      const message = `not written: ${reasonOf(refusal)}`;
      return operations.map(({ point }) => ({ point, status: 'failed', cause: causeOf(refusal), message }));
    },
    async hold({ deadlineMs, mostMs }) {
      const deadlineAt = clock.monotonic() + deadlineMs;
      if (layout.isUnsettled && (await layout.settle('demand', deadlineAt)) !== undefined) return undefined;
      const held = await bus.hold(deadlineAt, mostMs);
      if (held === undefined) return undefined;
      const write = writerThrough(held, layout.device);
      return {
        write: (operations, options) => write(operations, options.deadlineMs),
        release: held.release,
      };
    },
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
