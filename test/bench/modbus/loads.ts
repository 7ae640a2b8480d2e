/** What the Modbus bench reads, whichever program reads it. */

/** Addresses of the 34 values of an SDM630 that sites usually want. */
const METER = [
  ...Array.from({ length: 18 }, (_, index) => 2 * index),
  ...[52, 56, 60, 62, 70, 72, 74, 76],
  ...[234, 236, 248],
  ...[342, 346, 350, 358, 362],
];

/** How somebody with the manual of the meter in hand would read it by few requests: first register, and how many. */
const METER_BLOCKS = [
  [0, 36],
  [52, 26],
  [234, 16],
  [342, 22],
] as const;

export interface ModbusLoad {
  readonly name: string;
  readonly title: string;
  /** a serial line for all of them; absent: Modbus TCP */
  readonly baud?: number;
  /** All units stand behind one host, as behind a gateway. Without it each device is a host, and unit 1. */
  readonly isShared: boolean;
  readonly devices: number;
  /** first registers of float32 values in the input registers */
  readonly addresses: readonly number[];
  /** the same as requests: for programs that plan none by themselves */
  readonly blocks: readonly (readonly [address: number, count: number])[];
  readonly intervalMs: number;
  /** by then everything is connected, compiled, and what is dead is known to be */
  readonly warmUpMs: number;
  /** units that never answer */
  readonly dead: readonly number[];
}

/** Side by side, as many as there are. */
function adjacent(count: number): Pick<ModbusLoad, 'addresses' | 'blocks'> {
  return { addresses: Array.from({ length: count }, (_, index) => 2 * index), blocks: [[0, 2 * count]] };
}

const ALL_ALIVE: readonly number[] = [];
const DEAD_UNIT = 17;
const METERS = { isShared: true, devices: 30, addresses: METER, blocks: METER_BLOCKS, dead: ALL_ALIVE };

const WARM_UP_MS = 8000;

/** 88 % of what the line can carry: more no plan of ours would be allowed. */
const FAST_LINE = {
  ...METERS,
  name: 'line-115200',
  title: 'RTU at 115,200 Bd, 30 meters x 34 points at 3.2 s',
  baud: 115_200,
  intervalMs: 3200,
  warmUpMs: 10_000,
};

const SLOW_LINE = {
  ...METERS,
  name: 'line-9600',
  title: 'RTU at 9,600 Bd, 30 meters x 34 points at 13 s',
  baud: 9600,
  intervalMs: 13_000,
  warmUpMs: 8000,
};

const SHARED = {
  ...METERS,
  name: 'tcp-30',
  title: '30 meters x 34 points at 1 s behind one TCP connection',
  intervalMs: 1000,
  warmUpMs: WARM_UP_MS,
};

const withDead = (load: ModbusLoad): ModbusLoad => ({
  ...load,
  name: `${load.name}-dead`,
  title: `${load.title}, one of them dead`,
  // Three cycles until it is given up, and the first of its probes.
  warmUpMs: load.warmUpMs + Math.max(WARM_UP_MS, 2 * load.intervalMs),
  dead: [DEAD_UNIT],
});

export const LOADS: readonly ModbusLoad[] = [
  {
    name: 'tcp-500',
    title: '500 TCP devices x 30 points at 1 s',
    isShared: false,
    devices: 500,
    ...adjacent(30),
    intervalMs: 1000,
    warmUpMs: 12_000,
    dead: ALL_ALIVE,
  },
  {
    name: 'tcp-50',
    title: '50 TCP devices x 20 points at 100 ms',
    isShared: false,
    devices: 50,
    ...adjacent(20),
    intervalMs: 100,
    warmUpMs: WARM_UP_MS,
    dead: ALL_ALIVE,
  },
  SHARED,
  withDead(SHARED),
  SLOW_LINE,
  FAST_LINE,
  withDead(FAST_LINE),
];

/** @throws RangeError when there is none of that name */
export function loadOf(name: string): ModbusLoad {
  const load = LOADS.find((one) => one.name === name);
  if (load === undefined) throw new RangeError(`no load ${name}`);
  return load;
}

/** What a meter on the bench's lines takes to begin its answer. */
export const TURNAROUND_MS = 20;

/** Start, eight data bits, parity, stop. */
export const characterMs = (baud: number): number => 11_000 / baud;

/** Of the line before each request; before the answer it is part of the turnaround (Modbus over Serial Line 2.5.1.1). */
export const silenceMs = (baud: number): number => (baud > 19_200 ? 1.75 : 3.5 * characterMs(baud));

/** From 1 on. */
export function numbersOf({ devices }: Pick<ModbusLoad, 'devices'>): number[] {
  return Array.from({ length: devices }, (_, index) => index + 1);
}

/** Every device of its own has a loopback address of its own, as programs tell connections apart by host. */
export function hostOf({ isShared }: ModbusLoad, number: number): string {
  return isShared ? '127.0.0.1' : `127.0.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
}

export const unitOf = ({ isShared }: ModbusLoad, number: number): number => (isShared ? number : 1);

/** How programs name what they read at an address. */
export const pointOf = (address: number): string => `p${address}`;
