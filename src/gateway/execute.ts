import type { PointId, WriteOperation } from '../adapter/index.ts';
import { IDENTITY } from '../model/index.ts';
import { DONE, type Outcome, type Refused } from '../tree/index.ts';
import { listed } from './faults.ts';
import { isWritable } from './point-rules.ts';
import type { MappingContext, Slot } from './slot.ts';
import type { ExecuteStep, Plain } from './source.ts';
import { compileWrite } from './write.ts';

/** One step of an execution: values that go to the device, or a wait. */
export type CompiledStep = { readonly operations: readonly WriteOperation[] } | { readonly waitMs: number };

/** What a server can execute (field rules 3.6): steps in order, to the first that fails. */
export interface ExecutableResource {
  readonly kind: 'executable';
  readonly ids: Slot['ids'];
  readonly definition: Slot['resource'];
  readonly steps: readonly CompiledStep[];
}

/** Compiles the steps of a resource; undefined when something is wrong with them, which has been reported. */
export function fromSteps(
  slot: Slot,
  steps: readonly ExecuteStep[],
  context: MappingContext,
): ExecutableResource | undefined {
  const { resource, ids } = slot;
  if (resource.operations !== 'E') {
    slot.fault(`resource ${resource.id} (${resource.name}) cannot be executed by its definition`, 'execute');
    return undefined;
  }
  let isSound = true;
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
  return isSound ? { kind: 'executable', ids, definition: resource, steps: compiled } : undefined;
}

/** The value is told in the unit of the point, and passes its guards like one that a server writes. */
function compileStepWrite(id: PointId, value: Plain, { points }: MappingContext): WriteOperation | string {
  const point = points.get(id);
  if (point === undefined) return `there is no point ${id}; there are ${listed([...points.keys()])}`;
  if (!isWritable(point.source)) return `point ${id} has access: r`;
  const plan = compileWrite(point, IDENTITY)(value);
  return 'refusal' in plan ? `point ${id}: ${plan.refusal}` : plan.operation;
}

export interface ExecutionPorts {
  /** Why the device must not be written to now. */
  refusal(operations: readonly WriteOperation[]): Refused | undefined;
  write(operations: readonly WriteOperation[]): Promise<Outcome>;
  wait(ms: number): Promise<void>;
}

/** Executes steps, one execution of a resource at a time. */
export function createExecution(
  { ids, steps }: ExecutableResource,
  ports: ExecutionPorts,
): (argument: string) => Promise<Outcome> {
  const all = steps.flatMap((step) => ('operations' in step ? step.operations : []));
  const name = `/${ids.join('/')}`;
  let isRunning = false;

  const perform = async (): Promise<Outcome> => {
    for (const [index, step] of steps.entries()) {
      if ('waitMs' in step) {
        await ports.wait(step.waitMs);
        continue;
      }
      const outcome = await ports.write(step.operations);
      if (outcome.status === 'done') continue;
      const message = `step ${index + 1} of ${steps.length}: ${outcome.message ?? outcome.status}`;
      return { ...outcome, message };
    }
    return DONE;
  };

  return async (argument) => {
    if (argument !== '') return { status: 'bad-request', message: `${name} takes no argument` };
    if (isRunning) return { status: 'unavailable', message: `${name} is being executed` };
    const refused = ports.refusal(all);
    if (refused !== undefined) return refused;
    isRunning = true;
    try {
      return await perform();
    } finally {
      isRunning = false;
    }
  };
}
