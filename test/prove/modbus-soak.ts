/**
 * Random faults on every medium of Modbus, while simulations that know the truth are read and written. A value is the
 * right one or there is none; a write that is confirmed has been done.
 */
import type { AttachedDevice, Simulation } from 'lwm2m-gateway/adapter';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import type { Fault, FaultScript } from '../../adapters/modbus/faults.ts';
import modbus from '../../adapters/modbus/index.ts';
import { simulate } from '../../adapters/modbus/simulator.ts';
import { devicePlan } from '../adapters/support/plans.ts';
import { socatAvailable, startLine } from '../support/line.ts';

/** Lines of serial ports need socat. */
export const SOAKED_MEDIA: readonly string[] = [
  'modbus-tcp',
  'modbus-udp',
  'modbus-rtu-tcp',
  'modbus-ascii-tcp',
  ...(socatAvailable() ? ['modbus-rtu', 'modbus-ascii'] : []),
];

/** One unit: the next request is then of the same one, so that nothing but the address tells answers apart. */
const UNIT = 1;
const STATIC = ['p0', 'p1', 'p2', 'p3'];
const TIMEOUT_MS = 60;

/** Reproducible chance (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const register = (addr: number, type: string) => ({ table: 'holding', addr, type, access: 'rw' }) as const;

/** All of the same shape, each read alone, so that any answer could pass for that to another question. */
const PLAN = devicePlan(
  {
    ...Object.fromEntries(STATIC.map((point, index) => [point, register(100 * index, 'uint32')])),
    // Both of its registers always hold the same, and it changes all the time.
    pair: register(1000, 'uint32'),
    single: register(2000, 'uint16'),
    many: register(3000, 'uint32'),
  },
  {
    settings: { unit: UNIT },
    protocol: { addressing: 'pdu0', batching: 'off' },
    requestTimeoutMs: TIMEOUT_MS,
    retries: 1,
  },
);

const truth = (index: number): number => UNIT * 1_000_000 + index * 70_000 + 17;

/** What was counted on one medium. */
export interface SoakTally {
  readonly type: string;
  reads: number;
  values: number;
  writes: number;
  confirmed: number;
  /** values that are not those of the device, and writes that were confirmed and not done; told as text */
  readonly wrong: string[];
  readonly lost: string[];
  /** ms from a fault to the end of the first read after it that brought everything, by kind of fault */
  readonly recoveries: Map<Fault['kind'], number[]>;
}

interface Happened {
  readonly kind: Fault['kind'];
  readonly at: number;
}

/** What can happen on a medium: TCP loses and changes nothing, and Modbus on it has no checksum. */
function chooser(type: string, random: () => number): () => Fault | undefined {
  const late = (): Fault => ({ kind: 'late', ms: Math.ceil(random() * 3 * TIMEOUT_MS) });
  const anywhere: readonly (() => Fault)[] = [
    () => ({ kind: 'drop' }),
    () => ({ kind: 'late', ms: TIMEOUT_MS }),
    late,
    late,
    () => ({ kind: 'drip', ms: 1 }),
  ];
  const untidy: readonly (() => Fault)[] = [
    () => ({ kind: 'truncate', bytes: Math.floor(random() * 12) }),
    () => ({ kind: 'double' }),
    () => ({ kind: 'noise', before: Buffer.from([1, 3, Math.floor(random() * 256), 4]) }),
  ];
  const onLine: readonly (() => Fault)[] = [
    () => ({ kind: 'garble', at: Math.floor(random() * 20) }),
    () => ({ kind: 'garble', at: -1 }),
  ];
  const isLine = type !== 'modbus-tcp' && type !== 'modbus-udp';
  const faults = [...anywhere, ...(type === 'modbus-tcp' ? [] : untidy), ...(isLine ? onLine : [])];
  return () => {
    const chance = random();
    if (chance > 0.06) return undefined;
    if (chance < 0.001) return random() < 0.5 ? { kind: 'hang-up' } : { kind: 'truncate', bytes: 3 };
    return faults[Math.floor(random() * faults.length)]?.();
  };
}

function isRight(point: string, value: number): boolean {
  return point === 'pair' ? value >>> 16 === (value & 0xffff) : value === truth(STATIC.indexOf(point));
}

const pause = (ms: number): Promise<void> => new Promise((later) => setTimeout(later, ms));

async function readOn(
  device: AttachedDevice,
  goesOn: () => boolean,
  tally: SoakTally,
  happened: Happened[],
): Promise<void> {
  while (goesOn()) {
    const samples = await device.read([...STATIC, 'pair'], { priority: 'poll', deadlineMs: 2000 });
    const values = samples.flatMap((sample) => ('value' in sample ? [sample] : []));
    tally.reads += samples.length;
    tally.values += values.length;
    for (const { point, value } of values)
      if (!isRight(point, Number(value))) tally.wrong.push(`${point} = ${String(value)}`);
    if (values.length === samples.length) {
      for (const { kind, at } of happened.splice(0)) {
        const recoveries = tally.recoveries.get(kind) ?? [];
        tally.recoveries.set(kind, recoveries);
        recoveries.push(performance.now() - at);
      }
    } else if (values.length === 0) await pause(5);
  }
}

async function writeOn(
  device: AttachedDevice,
  field: Simulation,
  goesOn: () => boolean,
  tally: SoakTally,
): Promise<void> {
  for (let value = 1; goesOn(); value = (value % 0xffff) + 1) {
    const point = value % 2 === 0 ? 'single' : 'many';
    const [result] = await device.write([{ point, value }], { deadlineMs: 2000 });
    tally.writes++;
    if (result?.status === 'done') {
      tally.confirmed++;
      const held = field.get(PLAN.id, point);
      if (held !== value) tally.lost.push(`${point}: confirmed ${value}, holds ${String(held)}`);
    }
    await pause(20);
  }
}

/** @param goesOn asked again and again, with what was counted so far */
export async function soakMedium(
  type: string,
  seed: number,
  goesOn: (tally: SoakTally) => boolean,
): Promise<SoakTally> {
  const tally: SoakTally = {
    type,
    reads: 0,
    values: 0,
    writes: 0,
    confirmed: 0,
    wrong: [],
    lost: [],
    recoveries: new Map(),
  };
  const random = createRandom(seed + type.length * 1000);
  const choose = chooser(type, random);
  const happened: Happened[] = [];
  const faults: FaultScript = () => {
    const fault = choose();
    if (fault !== undefined) happened.push({ kind: fault.kind, at: performance.now() });
    return fault;
  };
  const isSerial = type === 'modbus-rtu' || type === 'modbus-ascii';
  const line = isSerial ? await startLine() : undefined;
  const serial = { baud: 115_200 };
  const host = createTestHost();
  const medium = line === undefined ? { type } : { type, settings: { port: line.device, serial } };
  const field = await simulate([PLAN], { ...host, random }, { ...medium, faults });
  const settings = line === undefined ? field.connection : { port: line.master, serial };
  const adapter = modbus.open({ id: type, type, settings }, { ...host, random: () => 0 });
  let step = 0;
  const change = setInterval(() => {
    step = (step + 1) & 0xffff;
    field.set(PLAN.id, 'pair', step * 0x10000 + step);
  }, 3);
  for (const [index, point] of STATIC.entries()) field.set(PLAN.id, point, truth(index));
  try {
    adapter.start();
    const device = adapter.attach(PLAN);
    const on = (): boolean => goesOn(tally);
    await Promise.all([readOn(device, on, tally, happened), writeOn(device, field, on, tally)]);
  } finally {
    clearInterval(change);
    await adapter.close();
    await field.close();
    await line?.close();
  }
  return tally;
}

/** One line per kind of fault: how many, and how long until everything was read again. */
export function recoveryLines({ type, recoveries }: SoakTally): string[] {
  return [...recoveries].map(([kind, all]) => {
    const sorted = [...all].sort((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0);
    return `${type}: ${sorted.length} x ${kind}, all read again after ${at(0.5)} ms (median), ${at(0.99)} ms (99 %), ${at(1)} ms (longest)`;
  });
}

/** At the same time on each medium. */
const LANES = 3;

export interface ModbusSoakCounts {
  reads: number;
  values: number;
  writes: number;
  confirmed: number;
  faults: number;
  medianRecoveryMs: number;
  longestRecoveryMs: number;
  wrongValues: number;
  lostWrites: number;
}

export const MODBUS_SOAK_FAULTS = [
  'wrongValues',
  'lostWrites',
] as const satisfies readonly (keyof ModbusSoakCounts)[];

function joined(type: string, lanes: readonly SoakTally[]): SoakTally {
  const recoveries: SoakTally['recoveries'] = new Map();
  for (const lane of lanes)
    for (const [kind, all] of lane.recoveries)
      recoveries.set(kind, [...(recoveries.get(kind) ?? []), ...all]);
  const sum = (of: (lane: SoakTally) => number): number => lanes.reduce((total, lane) => total + of(lane), 0);
  return {
    type,
    reads: sum(({ reads }) => reads),
    values: sum(({ values }) => values),
    writes: sum(({ writes }) => writes),
    confirmed: sum(({ confirmed }) => confirmed),
    wrong: lanes.flatMap(({ wrong }) => wrong),
    lost: lanes.flatMap(({ lost }) => lost),
    recoveries,
  };
}

/** @param reads of points, over all media; prints what each kind of fault cost */
export async function soakModbus(reads: number, seed: number): Promise<ModbusSoakCounts> {
  const most = Math.ceil(reads / SOAKED_MEDIA.length / LANES);
  const media = await Promise.all(
    SOAKED_MEDIA.map(async (type) => {
      const lanes = Array.from({ length: LANES }, (_, lane) =>
        soakMedium(type, seed + lane, (tally) => tally.reads < most),
      );
      return joined(type, await Promise.all(lanes));
    }),
  );
  for (const tally of media) {
    for (const line of recoveryLines(tally)) console.log(line);
    for (const fault of [...tally.wrong, ...tally.lost].slice(0, 20)) console.log(`${tally.type}: ${fault}`);
  }
  const all = joined('all', media);
  const recoveries = [...all.recoveries.values()].flat().sort((a, b) => a - b);
  return {
    reads: all.reads,
    values: all.values,
    writes: all.writes,
    confirmed: all.confirmed,
    faults: recoveries.length,
    medianRecoveryMs: recoveries[recoveries.length >> 1] ?? 0,
    longestRecoveryMs: recoveries.at(-1) ?? 0,
    wrongValues: all.wrong.length,
    lostWrites: all.lost.length,
  };
}
