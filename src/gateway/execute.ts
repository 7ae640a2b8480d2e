import type { PointId, WriteOperation } from '../adapter/index.ts';
import { IDENTITY } from '../model/index.ts';
import { DONE, type Outcome, type Refused } from '../tree/index.ts';
import { listed } from './faults.ts';
import { isWritable } from './point-rules.ts';
import type { MappingContext, Slot } from './slot.ts';
import type { Plain, ResourceSource } from './source.ts';
import { compileWrite } from './write.ts';

/** One step of an execution: values that go to the device, or a wait. */
export type CompiledStep = { readonly operations: readonly WriteOperation[] } | { readonly waitMs: number };

/** What a server can execute (field rules 3.6): steps in order, to the first that fails. */
export interface ExecutableResource {
  readonly kind: 'executable';
  readonly ids: Slot['ids'];
  readonly definition: Slot['resource'];
  readonly steps: readonly CompiledStep[];
  /** The medium is kept for the device until the last step. */
  readonly isHeld: boolean;
}

/** Longer than that nobody keeps others waiting only to wait. */
const MOST_HELD_WAIT_MS = 5000;

/** Compiles the steps of a resource; undefined when something is wrong with them, which has been reported. */
export function fromSteps(
  slot: Slot,
  { execute: steps, hold: isHeld = false }: Extract<ResourceSource, { execute: unknown }>,
  context: MappingContext,
): ExecutableResource | undefined {
  const { resource, ids } = slot;
  if (resource.operations !== 'E') {
    slot.fault(`resource ${resource.id} (${resource.name}) cannot be executed by its definition`, 'execute');
    return undefined;
  }
  const waitMs = steps.reduce((sum, step) => sum + ('waitMs' in step ? step.waitMs : 0), 0);
  let isSound = !isHeld || waitMs <= MOST_HELD_WAIT_MS;
  if (!isSound)
    slot.fault(
      `with hold, nobody else is asked for ${waitMs} ms; allowed are ${MOST_HELD_WAIT_MS}`,
      'execute',
    );
  const compiled = steps.map((step, index): CompiledStep => {
    if ('waitMs' in step) return step;
    const operations = Object.entries(step.write).flatMap(([id, value]) => {
      const operation = compileStepWrite(id, value, context);
      if (typeof operation !== 'string') return operation;
      isSound = false;
      slot.fault(`step ${index + 1}: ${operation}`, 'execute');
      return [];
    });
    return { operations };
  });
  return isSound ? { kind: 'executable', ids, definition: resource, steps: compiled, isHeld } : undefined;
}

/** The value is told in the unit of the point, and passes its guards like one that a server writes. */
function compileStepWrite(id: PointId, value: Plain, { points }: MappingContext): WriteOperation | string {
  const point = points.get(id);
  if (point === undefined) return `there is no point ${id}; there are ${listed([...points.keys()])}`;
  if (!isWritable(point.source)) return `point ${id} has access: r`;
  const plan = compileWrite(point, IDENTITY)(value);
  return 'refusal' in plan ? `point ${id}: ${plan.refusal}` : plan.operation;
}

/** Where the steps of an execution go. */
export interface Writing {
  write(operations: readonly WriteOperation[]): Promise<Outcome>;
}

export interface ExecutionPorts extends Writing {
  /** Why the device must not be written to now. */
  refusal(operations: readonly WriteOperation[]): Refused | undefined;
  /** The medium for this device alone. */
  hold(): Promise<(Writing & { release(): void }) | Refused>;
  wait(ms: number): Promise<void>;
}

/** Executes steps, one execution of a resource at a time. */
export function createExecution(
  { ids, steps, isHeld }: ExecutableResource,
  ports: ExecutionPorts,
): (argument: string) => Promise<Outcome> {
  const all = steps.flatMap((step) => ('operations' in step ? step.operations : []));
  const name = `/${ids.join('/')}`;
  let isRunning = false;

  const perform = async ({ write }: Writing): Promise<Outcome> => {
    for (const [index, step] of steps.entries()) {
      if ('waitMs' in step) {
        await ports.wait(step.waitMs);
        continue;
      }
      const outcome = await write(step.operations);
      if (outcome.status === 'done') continue;
      const message = `step ${index + 1} of ${steps.length}: ${outcome.message ?? outcome.status}`;
      return { ...outcome, message };
    }
    return DONE;
  };

  const performHeld = async (): Promise<Outcome> => {
    const held = await ports.hold();
    if ('status' in held) return held;
    try {
      return await perform(held);
    } finally {
      held.release();
    }
  };

  return async (argument) => {
    if (argument !== '') return { status: 'bad-request', message: `${name} takes no argument` };
    if (isRunning) return { status: 'unavailable', message: `${name} is being executed` };
    const refused = ports.refusal(all);
    if (refused !== undefined) return refused;
    isRunning = true;
    try {
      return await (isHeld ? performHeld() : perform(ports));
    } finally {
      isRunning = false;
    }
  };
}
