import { isDeepStrictEqual } from 'node:util';
import type { Clock, DevicePlan, Logger, Priority } from 'lwm2m-gateway/adapter';
import { TABLES } from './address.ts';
import type { Answer, Refusal } from './exchange.ts';
import type { CompiledDevice } from './field.ts';
import type { ReadRequest } from './pdu.ts';
import { sunSpecRules } from './place.ts';
import { compileDevice } from './points.ts';
import { strangerBy } from './signature.ts';
import { isRefused, type Model, readChain } from './sunspec.ts';

/** Finds out whether a device is what its profile says and where its points are, and again when it may be another one. */
export interface Layout {
  /** As far as it is known by now; nothing of it can be read before that. */
  readonly device: CompiledDevice;
  /** By what the device was seen to be another one than its profile says. */
  readonly stranger: string | undefined;
  /** True while nobody has looked, or what was seen is in doubt. */
  readonly isUnsettled: boolean;
  /** Looks, once for all who ask; settles by the deadline. @returns why the device could not be asked */
  settle(urgency: Priority, deadlineAt: number): Promise<Refusal | undefined>;
  /** Something is not where it was. */
  doubt(): void;
  /** The device was away: another one may have come instead. */
  suspect(): void;
}

/** A device that shows the same again, or never what its profile says, is looked at no more often than that. */
const LOOK_AGAIN_MS = 60_000;

export interface LayoutParts {
  readonly plan: DevicePlan;
  readonly clock: Clock;
  readonly log: Logger;
  ask(request: ReadRequest, urgency: Priority, deadlineAt: number): Promise<Answer>;
  /** Some time later, or earlier when the connection is closed. */
  wait(delayMs: number): Promise<void>;
}

const OUT_OF_TIME: Refusal = { status: 'failed', cause: 'overloaded', sent: false };

/** For a device whose profile says where everything is, and not by what it is known, all is settled from the beginning. */
export function createLayout({ plan, clock, log, ask, wait }: LayoutParts): Layout {
  const rules = sunSpecRules(plan);
  const expected = compileDevice(plan);
  const { signature } = expected;
  const nobody: CompiledDevice = { ...expected, fields: new Map() };
  const isPlain = rules === undefined && signature.length === 0;
  let models: readonly Model[] | undefined;
  let stranger: string | undefined;
  let device = isPlain ? expected : nobody;
  let isUnsettled = !isPlain;
  let lookAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<Refusal | undefined> | undefined;

  async function look(urgency: Priority, deadlineAt: number): Promise<Refusal | undefined> {
    const read = (request: ReadRequest): Promise<Answer> => ask(request, urgency, deadlineAt);
    for (const sign of signature) {
      const { table, address, span: count } = sign;
      const answer = await read({ function: TABLES[table].read, address, count });
      if (answer.status !== 'done' && !isRefused(answer)) return answer;
      const shown = answer.status === 'done' ? strangerBy(sign, answer.data) : 'a refusal';
      if (shown === undefined) continue;
      dismiss(`${table} ${address} shows ${shown}`);
      return undefined;
    }
    stranger = undefined;
    if (rules === undefined) {
      device = expected;
      isUnsettled = false;
      return undefined;
    }
    const chain = await readChain(read, rules.bases);
    if (chain.status === 'stopped') return chain.answer;
    take(chain.status === 'found' ? chain.models : []);
    return undefined;
  }

  /** The device is not of the type that its profile says: its registers mean other things. */
  function dismiss(reason: string): void {
    if (stranger !== reason)
      log.warn({ reason }, 'the device is not what its profile says; nothing is read of it');
    stranger = reason;
    models = undefined;
    device = nobody;
    isUnsettled = true;
    lookAt = clock.monotonic() + LOOK_AGAIN_MS;
  }

  function take(found: readonly Model[]): void {
    const isNew = !isDeepStrictEqual(found, models);
    if (isNew) {
      models = found;
      device = compileDevice(plan, found);
    }
    const missing = [...plan.points.keys()].filter((point) => !device.fields.has(point));
    // A device that starts may not show all of its models yet.
    isUnsettled = missing.length > 0;
    if (isUnsettled || !isNew) lookAt = clock.monotonic() + LOOK_AGAIN_MS;
    if (!isNew) return;
    log.info(
      { models: found.map(({ id, address }) => `${id} at ${address}`) },
      'SunSpec models of the device',
    );
    if (isUnsettled) log.warn({ points: missing }, 'the device has no SunSpec models for these points');
  }

  return {
    get device() {
      return device;
    },
    get stranger() {
      return stranger;
    },
    get isUnsettled() {
      return isUnsettled && clock.monotonic() >= lookAt;
    },
    settle(urgency, deadlineAt) {
      looking ??= look(urgency, deadlineAt).finally(() => {
        looking = undefined;
      });
      // Who began to look may have more time than who joins.
      const isOver = wait(deadlineAt - clock.monotonic()).then((): Refusal => OUT_OF_TIME);
      return Promise.race([looking, isOver]);
    },
    doubt() {
      if (rules !== undefined) isUnsettled = true;
    },
    suspect() {
      // One of several equal models may stand where another one stood: their headers are the same.
      const alike = models?.filter(({ id }) => id === rules?.main) ?? [];
      if (signature.length === 0 && alike.length < 2) return;
      isUnsettled = true;
      lookAt = Number.NEGATIVE_INFINITY;
    },
  };
}
