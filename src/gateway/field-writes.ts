import type { AttachedDevice, FieldCause, PointId, WriteOperation, WriteResult } from '../adapter/index.ts';
import { type Clock, type Logger, messageOf } from '../base/index.ts';
import type { Ids, Value } from '../model/index.ts';
import { DONE, type InstanceChange, type Outcome, type Refused } from '../tree/index.ts';
import type { Writing } from './execute.ts';
import type { CompiledPoint } from './pipeline.ts';
import { refusedBecause } from './refusals.ts';
import type { Writer } from './write.ts';

/** What may be written to a device and when, for servers that write resources and for steps that they execute. */
export interface FieldWrites {
  /** Why these cannot be sent now. */
  refusal(operations: readonly WriteOperation[]): Refused | undefined;
  /** Settles when the device has them, or has not. */
  write(operations: readonly WriteOperation[]): Promise<Outcome>;
  /** The medium for writes to this device alone. */
  hold(): Promise<(Writing & { release(): void }) | Refused>;
  /** What can be known of a write before the field is asked. */
  checkChange(change: InstanceChange): Refused | undefined;
  writeChange(change: InstanceChange): Promise<Outcome>;
}

export interface FieldWritesParts {
  readonly attached: Pick<AttachedDevice, 'write' | 'hold'>;
  readonly points: ReadonlyMap<PointId, Pick<CompiledPoint, 'rateLimitMs'>>;
  /** How a resource, or a resource instance, is written; undefined: it is not. */
  readonly writerOf: (ids: Ids) => Writer | undefined;
  /** Why nothing can be written at all now. */
  readonly refusal: () => Refused | undefined;
  /** Only the device knows what these points hold now. */
  readonly onWritten: (points: readonly PointId[]) => void;
  readonly deadlineMs: number;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Pick<Logger, 'error'>;
}

/** How long steps that belong together may keep others from the medium. */
const MOST_HOLD_MS = 15_000;

/** Causes of writes that were not sent at all. */
const UNSENT: ReadonlySet<FieldCause> = new Set<FieldCause>(['overloaded', 'forbidden']);

export function createFieldWrites(parts: FieldWritesParts): FieldWrites {
  const { points, clock } = parts;
  const writtenAt = new Map<PointId, number>();

  /** Memory cells of set points wear out: a profile can limit how often they are written (pitfall 29). */
  const refuseTooSoon = (operations: readonly WriteOperation[]): Refused | undefined => {
    for (const { point } of operations) {
      const limitMs = points.get(point)?.rateLimitMs ?? 0;
      const waitMs = (writtenAt.get(point) ?? Number.NEGATIVE_INFINITY) + limitMs - clock.monotonic();
      if (waitMs > 0) return refusedBecause('busy', 'it was written only just now', waitMs);
    }
    return undefined;
  };

  const refusal = (operations: readonly WriteOperation[]): Refused | undefined =>
    parts.refusal() ?? refuseTooSoon(operations);

  /** An adapter that breaks its contract by rejecting may have written all the same. */
  const send = async (
    operations: readonly WriteOperation[],
    through: Pick<AttachedDevice, 'write'>,
  ): Promise<readonly WriteResult[]> => {
    try {
      return await through.write(operations, { deadlineMs: parts.deadlineMs });
    } catch (error) {
      parts.log.error({ problem: messageOf(error) }, 'writing to the device failed');
      return operations.map(({ point }) => ({
        point,
        status: 'failed',
        cause: 'malformed',
        message: 'the adapter failed',
      }));
    }
  };

  const write = async (
    operations: readonly WriteOperation[],
    through: Pick<AttachedDevice, 'write'> = parts.attached,
  ): Promise<Outcome> => {
    const before = operations.map(({ point }) => [point, writtenAt.get(point)] as const);
    for (const { point } of operations) writtenAt.set(point, clock.monotonic());
    const results = await send(operations, through);
    for (const [index, result] of results.entries()) {
      const [point, at] = before[index] ?? [result.point, undefined];
      // What never left the gateway has worn out nothing.
      if (result.status === 'failed' && UNSENT.has(result.cause)) {
        if (at === undefined) writtenAt.delete(point);
        else writtenAt.set(point, at);
      }
    }
    parts.onWritten(operations.map(({ point }) => point));
    const failed = results.find(
      (result): result is WriteResult & { status: 'failed' } => result.status === 'failed',
    );
    return failed === undefined ? DONE : refusedBecause(failed.cause, failed.message);
  };

  /** What a write means in the field, or why there is no such thing. */
  const operationsOf = ({ object, instance, values }: InstanceChange): WriteOperation[] | Refused => {
    const operations: WriteOperation[] = [];
    for (const [ids, value] of valuesOf([object, instance], values)) {
      const plan = parts.writerOf(ids)?.(value);
      if (plan === undefined)
        return { status: 'not-allowed', message: `/${ids.join('/')} cannot be written here` };
      if ('refusal' in plan) return { status: 'bad-request', message: plan.refusal };
      operations.push(plan.operation);
    }
    return operations;
  };

  return {
    refusal,
    write: (operations) => write(operations),
    async hold() {
      const { attached, deadlineMs } = parts;
      if (attached.hold === undefined) return { write: (operations) => write(operations), release() {} };
      const held = await attached.hold({ deadlineMs, mostMs: MOST_HOLD_MS });
      if (held === undefined) return refusedBecause('overloaded');
      return { write: (operations) => write(operations, held), release: held.release };
    },
    checkChange(change) {
      const operations = operationsOf(change);
      if ('status' in operations) return operations;
      return operations.length === 0 ? undefined : refusal(operations);
    },
    async writeChange(change) {
      const operations = operationsOf(change);
      if ('status' in operations) return operations;
      return operations.length === 0 ? DONE : (refusal(operations) ?? write(operations));
    },
  };
}

/** Each value by itself: resource instances apart. */
function* valuesOf(instance: Ids, values: InstanceChange['values']): Iterable<readonly [Ids, Value]> {
  for (const [id, value] of values) {
    if (value instanceof Map) for (const [one, single] of value) yield [[...instance, id, one], single];
    else yield [[...instance, id], value as Value];
  }
}
