import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isGatewayError } from '../../src/base/index.ts';
import {
  type DecodeContext,
  decodeContent,
  type Format,
  formatFor,
  supportedFormats,
} from '../../src/codec/index.ts';
import { type DataType, type Entry, formatPath, type Path, parsePath } from '../../src/model/index.ts';
import { seededRandom } from '../coap/random.ts';
import { history, object, oneValue, prefix, within } from './arbitrary.ts';
import { vectors } from './vectors.ts';

/**
 * Damaged payloads. `FUZZ_INPUTS=1000000 npx vitest run test/codec/fuzz.test.ts` for many, `FUZZ_SEED` for others or
 * the same again.
 */
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 20_000);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

const NOW = 1_800_000_000_000;
/** Far more than any input takes; less, and a busy machine would be taken for a slow decoder. */
const MOST_MS = 100;
const LARGEST = 1 << 16;

/** Resources of every type, and unknown ones. */
const TYPES: readonly (DataType | undefined)[] = [
  'string',
  'integer',
  'unsigned',
  'float',
  'boolean',
  'opaque',
  'time',
  'objlnk',
  'corelnk',
  'none',
  undefined,
];

const BASES = ['/', '/d01', '/3303', '/3303/0', '/d01/3303/0', '/3303/0/5700', '/16/0/0', '/16/0/0/1'].map(
  parsePath,
);

function contextFor(base: Path, now: number | undefined, isKnown: boolean): DecodeContext {
  const resourceOf = ({ ids }: Path) => {
    const type = TYPES[(ids[2] ?? 0) % TYPES.length];
    return type === undefined || !isKnown ? undefined : { type };
  };
  return now === undefined ? { base, resourceOf } : { base, resourceOf, now };
}

/** What the format writes of generated values, and its vectors. */
function sources(format: Format): { base: Path; bytes: Uint8Array }[] {
  const written = fc
    .sample(fc.oneof(within(object({ prefix, empties: true })), oneValue, history), {
      numRuns: 200,
      seed: SEED,
    })
    .flatMap((source) => {
      try {
        return [{ base: source.base, bytes: format.encode(source.entries, source) }];
      } catch {
        return []; // what the format cannot say
      }
    });
  const known = (['vectors', 'malformed', 'paths', 'patches'] as const)
    .flatMap((kind) => vectors(kind))
    .filter((vector) => vector.format === format && vector.bytes.length < 1000);
  return [...written, ...known];
}

type Random = (below: number) => number;

/** Bytes that mean something in one of the formats: heads, brackets, lengths. */
const TELLING = Buffer.from(
  '{}[]",:\\/0-9eE.\x00\x01\x1f\x3f\x5f\x7f\x80\x9f\xbf\xc0\xc4\xd8\xf6\xff',
  'latin1',
);

/** Ways to damage bytes. */
const DAMAGES: readonly ((bytes: Buffer, other: Uint8Array, random: Random) => Buffer)[] = [
  (bytes, _, random) => {
    bytes[random(bytes.length)] = random(256);
    return bytes;
  },
  (bytes, _, random) => {
    const at = random(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    return bytes;
  },
  (bytes, _, random) => {
    bytes[random(bytes.length)] = TELLING[random(TELLING.length)] ?? 0;
    return bytes;
  },
  (bytes, _, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, other, random) => {
    const at = random(bytes.length);
    const from = random(other.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      other.subarray(from, from + random(20)),
      bytes.subarray(at),
    ]);
  },
  (bytes, _, random) => {
    const at = random(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(8))]);
  },
  (bytes, _, random) => {
    // A part of it many times over: wide, deep, or long.
    const at = random(bytes.length);
    const part = bytes.subarray(at, at + 1 + random(12));
    const times = 1 << random(random(4) === 0 ? 13 : 5);
    const copies = Buffer.alloc(Math.min(part.length * times, LARGEST), part);
    return Buffer.concat([bytes.subarray(0, at), copies, bytes.subarray(at)]).subarray(0, LARGEST);
  },
];

function damaged(bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  let now: Buffer = Buffer.from(bytes);
  for (let changes = 1 + random(3); changes > 0 && now.length > 0; changes--) {
    now = DAMAGES[random(DAMAGES.length)]?.(now, other, random) ?? now;
  }
  return now;
}

/** Everything that can be read from a payload: entries are kept to be looked at. */
function readings(format: Format, bytes: Uint8Array, context: DecodeContext): (() => readonly Entry[])[] {
  return [
    () => decodeContent(format, bytes, context).entries,
    () => {
      format.decodePaths?.(bytes);
      return [];
    },
    () => format.decodePatch?.(bytes, context).entries ?? [],
  ];
}

function sizeOf({ value }: Entry): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 1;
}

/** Reads, and lets errors of this room pass. What was read cannot be more than was there. */
function survive(reading: () => readonly Entry[], bytes: Uint8Array): boolean {
  try {
    const entries = reading();
    const size = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    if (size > bytes.length + 1) throw new RangeError(`${size} of ${bytes.length} bytes`);
    return true;
  } catch (error) {
    if (!isGatewayError(error) || !error.code.startsWith('codec.')) throw error;
    return false;
  }
}

/** The shortest of several times: others work on the machine, and memory is tidied up. */
function elapsedMs(run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3 && best > MOST_MS; round++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const formats = supportedFormats.flatMap((number): [string, Format][] => {
  const format = formatFor(number);
  return format === undefined ? [] : [[`${number} ${format.mediaType}`, format]];
});

test.each(formats)(
  `${INPUTS} damaged payloads are read or refused with a code, in time (seed ${SEED}): %s`,
  (_, format) => {
    const chance = seededRandom(SEED);
    const random: Random = (below) => Math.floor(chance() * below);
    const pool = sources(format);
    let slowest = 0;
    let read = 0;
    for (let input = 0; input < INPUTS; input++) {
      const source = pool[random(pool.length)];
      const other = pool[random(pool.length)];
      if (source === undefined || other === undefined) throw new Error('no payloads');
      const bytes = damaged(source.bytes, other.bytes, random);
      const base = random(4) > 0 ? source.base : (BASES[random(BASES.length)] ?? source.base);
      const context = contextFor(base, random(2) === 0 ? NOW : undefined, random(2) === 0);
      try {
        slowest = Math.max(
          slowest,
          elapsedMs(() => {
            for (const reading of readings(format, bytes, context)) if (survive(reading, bytes)) read++;
          }),
        );
      } catch (cause) {
        throw new Error(`${formatPath(base)} ${Buffer.from(bytes).toString('hex')}`, { cause });
      }
    }
    expect(slowest).toBeLessThan(MOST_MS);
    // Otherwise nothing but the first byte is ever looked at.
    expect(read).toBeGreaterThan(INPUTS / 50);
  },
  Math.max(20_000, INPUTS / 20),
);
