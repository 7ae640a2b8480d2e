import {
  type Clock,
  type ConnectionPlan,
  type DevicePlan,
  durationMs,
  type PlanFault,
  type RegisterAccess,
  type RegisterLine,
  type RegisterRange,
  type RegisterResult,
} from 'lwm2m-gateway/adapter';
import { ADDRESSES, TABLES, type Table } from './address.ts';
import { DEFAULTS, MODBUS_PORT } from './connection.ts';
import { type Answer, causeOf, reasonOf } from './exchange.ts';
import type { Layout } from './layout.ts';
import type { Link } from './link.ts';
import { MOST_WRITTEN_REGISTERS, type Request } from './pdu.ts';
import { limitOf, type Range } from './planner.ts';
import type { Urgency } from './queue.ts';
import { leastTimeMs } from './write.ts';

/** The device key `rawAccess`, as its schema lets it pass. */
interface RawKeys {
  readonly mode: 'off' | 'read' | 'read-write';
  readonly read?: RangesByTable;
  readonly write?: RangesByTable;
  readonly pause?: string;
}

type RangesByTable = Readonly<Partial<Record<Table, readonly Range[]>>>;

export const DEFAULT_PAUSE = '100ms';

/** The most coils that one request may write (Modbus Application Protocol 1.1b3 section 6.11). */
const MOST_WRITTEN_BITS = 1968;
/** Requests that may wait for their turn. */
const MOST_WAITING = 32;

function rawKeys({ settings }: Pick<DevicePlan, 'settings'>): RawKeys | undefined {
  const keys = settings.rawAccess as RawKeys | undefined;
  return keys === undefined || keys.mode === 'off' ? undefined : keys;
}

const rangesOf = (ranges: RangesByTable): (readonly [Table, readonly Range[]])[] =>
  Object.entries(ranges) as [Table, readonly Range[]][];

/** What is wrong with the key `rawAccess`, beyond its form. */
export function rawAccessFaults(plan: DevicePlan, unitIsAll: boolean): PlanFault[] {
  const keys = rawKeys(plan);
  if (keys === undefined) return [];
  const faults: PlanFault[] = [];
  const fault = (steps: readonly (string | number)[], message: string): void => {
    faults.push({ path: ['settings', 'rawAccess', ...steps], message });
  };
  const hasWrite = Object.keys(keys.write ?? {}).length > 0;
  if (keys.mode === 'read-write' && !hasWrite)
    fault(['mode'], "read-write needs 'write': the ranges that servers may write to");
  if (keys.mode === 'read' && keys.write !== undefined)
    fault(['write'], "nothing is written with mode 'read'; allowed: 'mode: read-write'");
  if (unitIsAll) fault(['mode'], 'unit 0 reaches all devices of a line and none answers');
  for (const key of ['read', 'write'] as const) {
    for (const [table, ranges] of rangesOf(keys[key] ?? {})) {
      for (const [index, [from, to]] of ranges.entries())
        if (from > to) fault([key, table, index], `${from} to ${to} is no range of addresses`);
    }
  }
  return faults;
}

/** The way to the devices of a connection, as object 10374 has it. */
export function registerLine({ settings }: ConnectionPlan): RegisterLine {
  const {
    host,
    port,
    serial = {},
  } = settings as {
    host?: string;
    port?: number | string;
    serial?: { baud?: number; stopBits?: number; parity?: 'none' | 'even' | 'odd' };
  };
  if (host !== undefined) {
    const name = host.includes(':') ? `[${host}]` : host;
    return { address: `${name}:${port ?? MODBUS_PORT}`, layer: 'tcp' };
  }
  const { baud, stopBits = DEFAULTS.stopBits, parity = DEFAULTS.parity } = serial;
  return { address: `${port}`, layer: 'serial', ...(baud === undefined ? {} : { baud }), stopBits, parity };
}

/** True if every address lies in one of the ranges. */
function covers(ranges: readonly Range[], { address, count }: RegisterRange): boolean {
  let at = address;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) if (from <= at && to >= at) at = to + 1;
  return at >= address + count;
}

const overlaps = ([from, to]: Range, { address, count }: RegisterRange): boolean =>
  from < address + count && to >= address;

function told({ table, address, count }: RegisterRange): string {
  return count === 1 ? `${table} ${address}` : `${table} ${address} to ${address + count - 1}`;
}

/** Registers as they came, or bits. */
function valuesOf({ table, count }: RegisterRange, data: Buffer): number[] {
  return Array.from({ length: count }, (_, index) =>
    TABLES[table].bits ? (data.readUInt8(index >> 3) >> (index & 7)) & 1 : data.readUInt16BE(2 * index),
  );
}

function writeRequest({ table, address, count }: RegisterRange, values: readonly number[]): Request {
  const [value = 0] = values;
  if (table === 'coil')
    return count === 1
      ? { function: 5, address, state: value === 1 }
      : { function: 15, address, states: values.map((bit) => bit === 1) };
  return count === 1 ? { function: 6, address, value } : { function: 16, address, registers: values };
}

type Failed = Extract<RegisterResult, { status: 'failed' }>;

function failed(cause: Failed['cause'], message: string): Failed {
  return { status: 'failed', cause, message };
}

export interface RegisterParts {
  readonly plan: DevicePlan;
  readonly layout: Pick<Layout, 'device' | 'isUnsettled' | 'settle' | 'stranger'>;
  readonly line: RegisterLine;
  readonly link: Link;
  readonly clock: Clock;
  /** registers of which a part is being written */
  readonly changing: ReadonlySet<number>;
  /** Asks the unit by the queue that all requests go through. */
  ask(request: Request, urgency: Urgency, deadlineAt: number, leastMs?: number): Promise<Answer>;
  wait(delayMs: number): Promise<void>;
}

/** Raw access to one device; undefined where its configuration does not give it. */
export function createRegisterAccess(parts: RegisterParts): RegisterAccess | undefined {
  const { plan, layout, clock, changing, link } = parts;
  const keys = rawKeys(plan);
  if (keys === undefined) return undefined;
  const { unit, rules } = layout.device;
  const pauseMs = durationMs(keys.pause ?? DEFAULT_PAUSE);
  /** The last one to ask, and how many wait behind it. */
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let nextAt = Number.NEGATIVE_INFINITY;
  const release = (): void => {
    waiting--;
  };

  function refusal(range: RegisterRange, operation: 'read' | 'write'): string | undefined {
    const { table, address, count } = range;
    if (address + count > ADDRESSES) return `${told(range)} goes beyond the last address`;
    return operation === 'read' ? readRefusal(range) : writeRefusal(table, range);
  }

  function readRefusal(range: RegisterRange): string | undefined {
    const limit = limitOf(range.table, rules);
    if (range.count > limit) return `one request reads at most ${limit} of table ${range.table}`;
    if (rules.unreadable[range.table].some((fence) => overlaps(fence, range)))
      return `the profile says that ${told(range)} must not be read`;
    const isOpen = keys?.read === undefined || covers(keys.read[range.table] ?? [], range);
    return isOpen ? undefined : `${told(range)} is not open to be read`;
  }

  function writeRefusal(table: Table, range: RegisterRange): string | undefined {
    if (!TABLES[table].writable) return `table ${table} can only be read`;
    const most = TABLES[table].bits ? MOST_WRITTEN_BITS : MOST_WRITTEN_REGISTERS;
    if (range.count > most) return `one request writes at most ${most} of table ${table}`;
    const isOpen = keys?.mode === 'read-write' && covers(keys.write?.[table] ?? [], range);
    return isOpen ? undefined : `${told(range)} is not open to be written`;
  }

  /** One request after the other, with a pause between: servers must not keep the points from being read. */
  async function inTurn(
    deadlineMs: number,
    act: (deadlineAt: number) => Promise<RegisterResult>,
  ): Promise<RegisterResult> {
    if (waiting >= MOST_WAITING) return failed('overloaded', 'too many requests for registers wait');
    const deadlineAt = clock.monotonic() + deadlineMs;
    const turn = last.then(async () => {
      const now = clock.monotonic();
      if (now < nextAt) await parts.wait(Math.min(nextAt, deadlineAt) - now);
      if (clock.monotonic() >= deadlineAt)
        return failed('overloaded', 'its turn did not come within the time');
      const result = await act(deadlineAt);
      nextAt = clock.monotonic() + pauseMs;
      return result;
    });
    waiting++;
    last = turn.then(release, release);
    return turn;
  }

  /** Why nothing must be written: by its signature the device is another one, or it does not say. */
  async function notIdentified(deadlineAt: number): Promise<Failed | undefined> {
    if (layout.device.signature.length === 0) return undefined;
    const refused = layout.isUnsettled ? await layout.settle('demand', deadlineAt) : undefined;
    if (refused !== undefined) return failed(causeOf(refused), `not written: ${reasonOf(refused)}`);
    if (layout.stranger === undefined) return undefined;
    return failed('rejected', `not written: the device is not what its profile says, ${layout.stranger}`);
  }

  function resultOf(range: RegisterRange, answer: Answer, doubt: string): RegisterResult {
    if (answer.status === 'done') return { status: 'done', values: valuesIn(range, answer.data) };
    const failure = failed(causeOf(answer), `${told(range)}: ${reasonOf(answer)}${doubt}`);
    const retryAfterMs = answer.status === 'failed' ? answer.retryAfterMs : undefined;
    return retryAfterMs === undefined ? failure : { ...failure, retryAfterMs };
  }

  const valuesIn = (range: RegisterRange, data: Buffer): readonly number[] =>
    data.length === 0 ? [] : valuesOf(range, data);

  return {
    line: parts.line,
    unit,
    pauseMs,
    get lineState() {
      return link.state === 'up' || link.state === 'connecting' ? link.state : 'down';
    },
    refusal,
    pointsIn: (range) =>
      [...layout.device.fields.values()].flatMap(({ id, table, address, span }) =>
        table === range.table && overlaps([address, address + span - 1], range) ? id : [],
      ),
    async read(range, { deadlineMs }) {
      const refused = refusal(range, 'read');
      if (refused !== undefined) return failed('forbidden', refused);
      const { table, address, count } = range;
      return inTurn(deadlineMs, async (deadlineAt) => {
        const request: Request = { function: TABLES[table].read, address, count };
        return resultOf(range, await parts.ask(request, 'demand', deadlineAt), '');
      });
    },
    async write(range, values, { deadlineMs }) {
      const refused = refusal(range, 'write');
      if (refused !== undefined) return failed('forbidden', refused);
      return inTurn(deadlineMs, async (deadlineAt) => {
        const stranger = await notIdentified(deadlineAt);
        if (stranger !== undefined) return stranger;
        const isTorn = [...changing].some((address) => overlaps([address, address], range));
        if (range.table === 'holding' && isTorn)
          return failed('busy', `a part of ${told(range)} is being written`);
        const leastMs = leastTimeMs(deadlineMs, plan.requestTimeoutMs);
        const answer = await parts.ask(writeRequest(range, values), 'write', deadlineAt, leastMs);
        const isUnknown = answer.status === 'failed' && answer.sent;
        return resultOf(range, answer, isUnknown ? '; the device may or may not have done it' : '');
      });
    },
  };
}
