import {
  type Clock,
  durationMs,
  durationSchema,
  type JsonSchema,
  type PlanFault,
} from 'lwm2m-gateway/adapter';
import type { Fault, FaultScript } from './faults.ts';
import { choice, integer, object } from './schema-parts.ts';

/** A rule of a fault script, as its schema lets it pass. */
interface FaultRule {
  readonly do: Fault['kind'];
  readonly delay?: string;
  readonly byte?: number;
  readonly bytes?: number;
  readonly hex?: string;
  readonly code?: number;
  readonly unit?: number;
  readonly function?: number;
  readonly address?: number;
  readonly from?: string;
  readonly to?: string;
  readonly every?: number;
  readonly times?: number;
  readonly chance?: number;
}

type Rule = Readonly<Record<string, unknown>>;

/** What each kind of fault can be told, and what it is when nothing is told. */
const KINDS: Readonly<
  Record<Fault['kind'], { readonly keys: readonly (keyof FaultRule)[]; make(rule: FaultRule): Fault }>
> = {
  drop: { keys: [], make: () => ({ kind: 'drop' }) },
  late: { keys: ['delay'], make: ({ delay = '500ms' }) => ({ kind: 'late', ms: durationMs(delay) }) },
  garble: { keys: ['byte'], make: ({ byte = -1 }) => ({ kind: 'garble', at: byte }) },
  truncate: { keys: ['bytes'], make: ({ bytes = 3 }) => ({ kind: 'truncate', bytes }) },
  drip: { keys: ['delay'], make: ({ delay = '2ms' }) => ({ kind: 'drip', ms: durationMs(delay) }) },
  noise: { keys: ['hex'], make: ({ hex = 'ff00' }) => ({ kind: 'noise', before: Buffer.from(hex, 'hex') }) },
  double: { keys: [], make: () => ({ kind: 'double' }) },
  'hang-up': { keys: [], make: () => ({ kind: 'hang-up' }) },
  exception: { keys: ['code'], make: ({ code = 6 }) => ({ kind: 'exception', code }) },
};

const MOST_NOISE_BYTES = 256;

export const faultSchema: JsonSchema = object(
  'What goes wrong with an answer, and with which; the first rule that fits is done.',
  {
    do: choice(
      'drop: none; late; garble: one bit is wrong; truncate: the beginning only; drip: in single bytes; noise: bytes before it; double: twice; hang-up: the connection breaks; exception: a refusal in its place.',
      Object.keys(KINDS),
    ),
    delay: durationSchema('late: how late (500ms); drip: between bytes (2ms).'),
    byte: integer('garble: which byte, from 0, or from -1 backwards (-1).', -512, 511),
    bytes: integer('truncate: how many remain (3).', 0, 512),
    hex: {
      type: 'string',
      pattern: `^(?:[0-9A-Fa-f]{2}){1,${MOST_NOISE_BYTES}}$`,
      description: 'noise: the bytes (ff00).',
    },
    code: integer('exception: its code (6, busy).', 1, 255),
    unit: integer('Only requests to this unit.', 0, 255),
    function: integer('Only requests with this function.', 1, 127),
    address: integer('Only requests that touch this address, as on the wire.', 0, 65_535),
    from: durationSchema('Not before so long after the start.'),
    to: durationSchema('Not after so long after the start.'),
    every: integer('Only the n-th, 2n-th and so on of the requests that fit.', 1, 1_000_000),
    times: integer('So often at most.', 1, 1_000_000),
    chance: { type: 'number', minimum: 0, maximum: 1, description: 'The share of the requests that fit.' },
  },
  ['do'],
);

const OF_KINDS = new Set(Object.values(KINDS).flatMap(({ keys }) => keys));

/** What a schema cannot tell: keys of another kind, and times without anything between them. */
export function faultFaults(rules: readonly Rule[]): PlanFault[] {
  return rules.flatMap((given, index) => {
    const rule = given as unknown as FaultRule;
    const { keys } = KINDS[rule.do];
    const faults: PlanFault[] = [];
    for (const key of Object.keys(rule) as (keyof FaultRule)[])
      if (OF_KINDS.has(key) && !keys.includes(key))
        faults.push({ path: [index, key], message: `${key} says nothing about ${rule.do}` });
    if (rule.from !== undefined && rule.to !== undefined && durationMs(rule.from) >= durationMs(rule.to))
      faults.push({ path: [index, 'to'], message: `nothing lies between ${rule.from} and ${rule.to}` });
    return faults;
  });
}

/** Functions whose requests have a count behind their address; others are about one address. */
const COUNTED: ReadonlySet<number> = new Set([1, 2, 3, 4, 15, 16, 23]);

function touches(request: Buffer, address: number): boolean {
  if (request.length < 6) return false;
  const from = request.readUInt16BE(2);
  const count = COUNTED.has(request.readUInt8(1)) ? request.readUInt16BE(4) : 1;
  return address >= from && address < from + count;
}

function fits(rule: FaultRule, request: Buffer, sinceStartMs: number): boolean {
  return (
    (rule.unit === undefined || rule.unit === request[0]) &&
    (rule.function === undefined || rule.function === request[1]) &&
    (rule.address === undefined || touches(request, rule.address)) &&
    (rule.from === undefined || sinceStartMs >= durationMs(rule.from)) &&
    (rule.to === undefined || sinceStartMs < durationMs(rule.to))
  );
}

/** @param rules have passed {@link faultSchema} and {@link faultFaults}; times begin now */
export function createFaultScript(rules: readonly Rule[], clock: Clock): FaultScript {
  const startedAt = clock.monotonic();
  const states = rules.map((rule) => ({ rule: rule as unknown as FaultRule, fitted: 0, done: 0 }));
  return (request, random) => {
    for (const state of states) {
      const { rule } = state;
      if (!fits(rule, request, clock.monotonic() - startedAt)) continue;
      state.fitted++;
      if (state.fitted % (rule.every ?? 1) !== 0 || state.done >= (rule.times ?? Number.POSITIVE_INFINITY))
        continue;
      if (rule.chance !== undefined && random() >= rule.chance) continue;
      state.done++;
      return KINDS[rule.do].make(rule);
    }
    return undefined;
  };
}
