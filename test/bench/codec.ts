import { type Format, formatFor } from '../../src/codec/index.ts';
import { type Entry, type Path, parsePath } from '../../src/model/index.ts';

/** One payload to write and to read. */
interface Load {
  readonly name: string;
  readonly base: Path;
  readonly entries: readonly Entry[];
}

const START_MS = 1_700_000_000_000;

const entry = (path: string, type: Entry['type'], value: Entry['value'], at?: number): Entry => ({
  path: parsePath(path),
  type,
  value,
  ...(at === undefined ? {} : { at }),
});

/** What a meter with 51 resources looks like: mostly floats of two decimals, some counters and texts. */
function meterResource(index: number): Entry {
  const path = `/d01/10243/0/${index}`;
  if (index % 17 === 0) return entry(path, 'string', `meter ${index}`);
  if (index % 5 === 0) return entry(path, 'integer', 1_000_000 + index);
  return entry(path, 'float', Math.round(23_000 + index * 137) / 100);
}

const LOADS: readonly Load[] = [
  {
    name: 'one value',
    base: parsePath('/d01/10243/0/4'),
    entries: [entry('/d01/10243/0/4', 'float', 230.15)],
  },
  {
    name: 'instance of 51 resources',
    base: parsePath('/d01/10243/0'),
    entries: Array.from({ length: 51 }, (_, index) => meterResource(index)),
  },
  {
    name: 'history of 1000 values',
    base: parsePath('/d01/10243/0/4'),
    entries: Array.from({ length: 1000 }, (_, index) =>
      entry('/d01/10243/0/4', 'float', Math.round(23_000 + index * 7) / 100, START_MS - index * 60_000),
    ),
  },
];

const MEASURE_MS = 200;

/** Nanoseconds per call of `task`: the best of three rounds. */
function nanoseconds(task: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    let calls = 0;
    let elapsed = 0;
    for (; elapsed < MEASURE_MS; elapsed = performance.now() - start) {
      for (let call = 0; call < 20; call++) task();
      calls += 20;
    }
    best = Math.min(best, (elapsed / calls) * 1e6);
  }
  return best;
}

function line(name: string, load: Load, size: number, encodeNs: number, decodeNs: number): string {
  const rate = (ns: number) =>
    Math.round(1e9 / ns)
      .toLocaleString('en')
      .padStart(10);
  const each = (ns: number) =>
    Math.round(ns / load.entries.length)
      .toString()
      .padStart(6);
  return [
    name.padEnd(32),
    `${size} B`.padStart(9),
    `encode ${rate(encodeNs)}/s ${each(encodeNs)} ns/entry`,
    `decode ${rate(decodeNs)}/s ${each(decodeNs)} ns/entry`,
  ].join('  ');
}

function benchFormat(format: Format, load: Load): string {
  const types = new Map(load.entries.map(({ path, type }) => [path.ids[2], { type }]));
  const context = { base: load.base, now: START_MS, resourceOf: ({ ids }: Path) => types.get(ids[2]) };
  const request = { base: load.base };
  const bytes = format.encode(load.entries, request);
  return line(
    `${format.contentFormat} ${format.mediaType.replace('application/', '')}`,
    load,
    bytes.length,
    nanoseconds(() => format.encode(load.entries, request)),
    nanoseconds(() => format.decode(bytes, context)),
  );
}

/** The yardstick: the entries as plain JSON, which checks nothing and carries no LwM2M meaning. */
function benchJson(load: Load): string {
  const rows = load.entries.map(({ path, value, at }) => ({ n: path.ids.join('/'), v: value, t: at }));
  const text = JSON.stringify(rows);
  return line(
    'JSON.stringify, JSON.parse',
    load,
    text.length,
    nanoseconds(() => Buffer.from(JSON.stringify(rows))),
    nanoseconds(() => JSON.parse(text)),
  );
}

const BENCHED = [0, 60, 110, 112, 11542, 11543, 11544];

function canSay(format: Format, load: Load): boolean {
  if (load.entries.length === 1) return true;
  return format.shape !== 'single' && (format.carriesTime || load.entries[0]?.at === undefined);
}

/** Prints how fast each format is written and read, next to plain JSON. */
export async function benchCodec(): Promise<void> {
  for (const load of LOADS) {
    console.log(`\n${load.name}`);
    console.log(benchJson(load));
    for (const number of BENCHED) {
      const format = formatFor(number);
      if (format !== undefined && canSay(format, load)) console.log(benchFormat(format, load));
    }
  }
}
