import { decodeContent, type Format, formatFor } from '../../src/codec/index.ts';
import { type Entry, omaRegistry, type Path, parsePath, type Value } from '../../src/model/index.ts';
import { baseAndNamesSize, nestedMapsSize } from '../codec/layouts.ts';
import { leshanInstallLine } from '../peers/leshan.ts';
import {
  type LeshanCodec,
  type LeshanSpeed,
  leshanCodecAvailable,
  startLeshanCodec,
} from '../peers/leshan-codec.ts';
import { markdown, shown } from './figures.ts';

/** One payload to write and to read. */
interface Load {
  readonly name: string;
  readonly base: Path;
  readonly entries: readonly Entry[];
}

/** What writing and reading a payload takes. */
type Speed = LeshanSpeed;

const START_MS = 1_700_000_000_000;
const POWER_METER = 10242;

/** What a meter shows: two decimals, counters, a few texts. */
function meterValue(type: Entry['type'], id: number): Value {
  if (type === 'string') return `text ${id}`;
  return type === 'integer' ? 1_000_000 + id : Math.round(23_000 + id * 137) / 100;
}

function powerMeter(prefix: string): Load {
  const resources = [...(omaRegistry().find(POWER_METER)?.resources.values() ?? [])];
  const base = { prefix, ids: [POWER_METER, 0] };
  return {
    name: `power meter of ${resources.length} resources`,
    base,
    entries: resources.map(({ id, type }) => ({
      path: { prefix, ids: [...base.ids, id] },
      type,
      value: meterValue(type, id),
    })),
  };
}

const POWER = parsePath('/d01/10242/0/34');

const LOADS: readonly Load[] = [
  { name: 'one value', base: POWER, entries: [{ path: POWER, type: 'float', value: 230.15 }] },
  powerMeter('d01'),
  {
    name: 'history of 1000 values',
    base: POWER,
    entries: Array.from({ length: 1000 }, (_, index) => ({
      path: POWER,
      type: 'float',
      value: Math.round(23_000 + index * 7) / 100,
      at: START_MS - index * 60_000,
    })),
  },
];

/** Short rounds in turn with Leshan, so that some of each have the machine for themselves. */
const TURNS = 12;
const EXTENT = { rounds: 4, roundMs: 40 };

/** Results go here, so that no compiler leaves out what nobody looks at. */
let result: unknown;

/** Nanoseconds per call: the best of several rounds. */
function nanoseconds(call: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < EXTENT.rounds; round++) {
    const start = performance.now();
    let calls = 0;
    let elapsed = 0;
    for (; elapsed < EXTENT.roundMs; elapsed = performance.now() - start) {
      for (let index = 0; index < 20; index++) result = call();
      calls += 20;
    }
    best = Math.min(best, (elapsed / calls) * 1e6);
  }
  if (result === undefined) throw new Error('nothing was measured');
  return best;
}

function measure(format: Format, { base, entries }: Load): Speed {
  const types = new Map(entries.map(({ path, type }) => [path.ids[2], { type }]));
  const context = { base, now: START_MS, resourceOf: ({ ids }: Path) => types.get(ids[2]) };
  // As a socket hands them over.
  const bytes = Buffer.from(format.encode(entries, { base }));
  if (decodeContent(format, bytes, context).entries.length !== entries.length)
    throw new Error('not the same');
  return {
    size: bytes.length,
    encodeNs: nanoseconds(() => format.encode(entries, { base })),
    decodeNs: nanoseconds(() => format.decode(bytes, context)),
  };
}

/** The floor: the entries as plain JSON, which checks nothing and has no LwM2M meaning. */
function measureJson(load: Load): Speed {
  let speed: Speed | undefined;
  for (let turn = 0; turn < TURNS; turn++) speed = better(jsonSpeed(load), speed);
  if (speed === undefined) throw new Error('nothing was measured');
  return speed;
}

function jsonSpeed({ entries }: Load): Speed {
  const rows = entries.map(({ path, value, at }) => ({ n: path.ids.join('/'), v: value, t: at }));
  const text = JSON.stringify(rows);
  return {
    size: text.length,
    encodeNs: nanoseconds(() => Buffer.from(JSON.stringify(rows))),
    decodeNs: nanoseconds(() => JSON.parse(text)),
  };
}

/** Bytes of the other layout that is in use: a base name and names, or maps within maps (Anjay). */
function otherLayout(number: number, { base, entries }: Load): number | undefined {
  if (entries[0]?.at !== undefined) return undefined;
  if (number === 112) return baseAndNamesSize(entries, base);
  return number === 11544 ? nestedMapsSize(entries, base) : undefined;
}

/** Leshan reads what we write: of its own SenML CBOR it cannot read the times. */
function leshanSpeed(leshan: LeshanCodec, format: Format, load: Load): Promise<Speed> {
  const bytes = format.encode(load.entries, load);
  return load.entries[0]?.at === undefined
    ? leshan.measure(format.contentFormat, load, bytes, EXTENT)
    : leshan.measureHistory(format.contentFormat, load, bytes, EXTENT);
}

const HEAD = [
  'format',
  'bytes',
  'Leshan',
  'Anjay',
  'encode ns',
  'Leshan ns',
  'faster',
  'decode ns',
  'Leshan ns',
  'faster',
];

function row(name: string, own: Speed, leshan?: Speed, otherSize?: number): string[] {
  const number = (value: number | undefined) => (value === undefined ? '' : shown(value));
  const times = (one: number, other: number | undefined) =>
    other === undefined ? '' : `${shown(other / one, 1)} x`;
  return [
    name,
    shown(own.size),
    number(leshan?.size),
    number(otherSize),
    shown(own.encodeNs),
    number(leshan?.encodeNs),
    times(own.encodeNs, leshan?.encodeNs),
    shown(own.decodeNs),
    number(leshan?.decodeNs),
    times(own.decodeNs, leshan?.decodeNs),
  ];
}

const NUMBERS = [0, 60, 110, 112, 11542, 11543, 11544];
const LWM2M_CBOR = 11544;

function canSay(format: Format, { entries }: Load): boolean {
  if (entries.length === 1) return true;
  return format.shape !== 'single' && (format.carriesTime || entries[0]?.at === undefined);
}

function better(speed: Speed, before: Speed | undefined): Speed {
  return {
    size: speed.size,
    encodeNs: Math.min(speed.encodeNs, before?.encodeNs ?? Number.POSITIVE_INFINITY),
    decodeNs: Math.min(speed.decodeNs, before?.decodeNs ?? Number.POSITIVE_INFINITY),
  };
}

async function rowOf(format: Format, load: Load, leshan: LeshanCodec | undefined): Promise<string[]> {
  const { contentFormat, mediaType } = format;
  let own: Speed | undefined;
  let theirs: Speed | undefined;
  for (let turn = 0; turn < TURNS; turn++) {
    own = better(measure(format, load), own);
    if (leshan !== undefined && contentFormat !== LWM2M_CBOR)
      theirs = better(await leshanSpeed(leshan, format, load), theirs);
  }
  if (own === undefined) throw new Error('nothing was measured');
  const name = `${contentFormat} ${mediaType.replace(/^application\/(vnd\.oma\.)?/, '')}`;
  return row(name, own, theirs, otherLayout(contentFormat, load));
}

async function benchLoad(load: Load, leshan: LeshanCodec | undefined): Promise<void> {
  const rows = [HEAD, row('JSON.stringify, JSON.parse', measureJson(load))];
  for (const number of NUMBERS) {
    const format = formatFor(number);
    if (format !== undefined && canSay(format, load)) rows.push(await rowOf(format, load, leshan));
  }
  console.log(`\n${load.name}\n\n${markdown(rows)}`);
}

/** Prints how fast each format is written and read, next to plain JSON and to Leshan's codecs on a warm JVM. */
export async function benchCodec(): Promise<void> {
  const leshan = leshanCodecAvailable() ? startLeshanCodec() : undefined;
  if (leshan === undefined) console.log(`without Leshan, which needs: ${leshanInstallLine}`);
  try {
    for (const load of LOADS) await benchLoad(load, leshan);
  } finally {
    await leshan?.stop();
  }
}
