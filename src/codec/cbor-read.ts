import { wholeNumber } from '../model/index.ts';
import { bufferOf, ownBytes, readUtf8 } from './bytes.ts';
import { ARRAY, BYTES, MAP, NEGATIVE, TAG, TAG_EPOCH_TIME, TEXT, UNSIGNED } from './cbor-write.ts';
import { type DecimalText, isDecimal } from './decimal-text.ts';
import { fault } from './fault.ts';

/** A CBOR value that is neither array nor map; a decimal fraction is one number. */
export type CborScalar = number | bigint | DecimalText | string | boolean | Uint8Array | null;

const SIMPLE = 7;
const INDEFINITE = 31;
const BREAK = 0xff;

/** RFC 8949 3.4 */
const TAG_DATE_TEXT = 0;
const TAG_DECIMAL_FRACTION = 4;

const DEEPEST = 16;

const DATE = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** Seconds since 1970 of an RFC 3339 text. */
function secondsOf(text: string): number {
  const [, year, month, day] = DATE.exec(text) ?? [];
  const seconds = Date.parse(text) / 1000;
  // Date.parse takes February 30th for March 2nd.
  const daysOfMonth = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  if (day === undefined || Number.isNaN(seconds) || Number(day) > daysOfMonth) {
    throw fault('malformed', 'not an RFC 3339 date');
  }
  return seconds;
}

/**
 * Reads CBOR (RFC 8949) item by item. Accepts lengths that are not the shortest and indefinite ones; refuses what no
 * LwM2M value is: bignums and other tags but times and decimal fractions, undefined, other simple values.
 * Nothing is allocated by a declared length before the bytes are seen to be there.
 */
export class CborReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bufferOf(bytes);
  }

  /** Refuses bytes after the last item. */
  end(): void {
    if (this.at !== this.bytes.length) throw fault('malformed', 'bytes after the end of the CBOR item');
  }

  /** The major type of the next item. */
  peek(): number {
    return this.first(this.at) >> 5;
  }

  /** Enters an array: the count of its items, Infinity for an indefinite one. To be used with {@link more}. */
  array(): number {
    return this.open(ARRAY, 'array', 1);
  }

  /** Enters a map: the count of its pairs, Infinity for an indefinite one. To be used with {@link more}. */
  map(): number {
    return this.open(MAP, 'map', 2);
  }

  /** True if another item (of `left` as counted down by the caller) follows; else the container is left. */
  more(left: number): boolean {
    if (left !== Number.POSITIVE_INFINITY) return left > 0;
    if (this.first(this.at) !== BREAK) return true;
    this.at++;
    return false;
  }

  /** Reads one value; a tagged time becomes seconds since 1970. */
  scalar(): CborScalar {
    const first = this.first(this.at);
    const info = first & 31;
    switch (first >> 5) {
      case UNSIGNED:
        return this.argument();
      case NEGATIVE:
        return negative(this.argument());
      case BYTES:
        return this.string(BYTES);
      case TEXT:
        return this.string(TEXT);
      case TAG:
        return this.tagged();
      case SIMPLE:
        this.at++;
        return this.simple(info);
      default:
        throw fault('malformed', 'a CBOR array or map in place of a value');
    }
  }

  /** Passes over one item, whatever it is. */
  skip(depth = 0): void {
    if (depth > DEEPEST) throw fault('too-deep', `CBOR nested deeper than ${DEEPEST}`);
    const major = this.peek();
    if (major === TAG) {
      this.argument();
      this.skip(depth + 1);
    } else if (major === ARRAY) {
      for (let left = this.array(); this.more(left); left--) this.skip(depth + 1);
    } else if (major === MAP) {
      for (let left = this.map(); this.more(left); left--) {
        this.skip(depth + 1);
        this.skip(depth + 1);
      }
    } else if (this.first(this.at) === 0xf7) {
      this.at++;
    } else {
      this.scalar();
    }
  }

  private first(at: number): number {
    const byte = this.bytes[at];
    if (byte === undefined) throw fault('truncated', 'CBOR ends within an item');
    return byte;
  }

  /** Reserves `count` bytes: the position before them. */
  private take(count: number): number {
    const from = this.at;
    if (count > this.bytes.length - from) throw fault('truncated', 'CBOR ends within an item');
    this.at = from + count;
    return from;
  }

  /** The argument of the next head; indefinite lengths are seen to before. */
  private argument(): number | bigint {
    const info = this.first(this.at++) & 31;
    if (info < 24) return info;
    if (info === 24) return this.bytes.readUInt8(this.take(1));
    if (info === 25) return this.bytes.readUInt16BE(this.take(2));
    if (info === 26) return this.bytes.readUInt32BE(this.take(4));
    if (info === 27) return wholeNumber(this.bytes.readBigUInt64BE(this.take(8)));
    throw fault('malformed', 'a CBOR head that does not exist');
  }

  /** @param least bytes that each of the declared items needs at least */
  private open(major: number, name: string, least: number): number {
    const first = this.first(this.at);
    if (first >> 5 !== major) throw fault('malformed', `CBOR has no ${name} where one is due`);
    if ((first & 31) === INDEFINITE) {
      this.at++;
      return Number.POSITIVE_INFINITY;
    }
    const count = this.argument();
    if (count > (this.bytes.length - this.at) / least)
      throw fault('truncated', `CBOR ends within the ${name}`);
    return Number(count);
  }

  private string(major: typeof BYTES): Uint8Array;
  private string(major: typeof TEXT): string;
  private string(major: number): string | Uint8Array {
    if ((this.first(this.at) & 31) !== INDEFINITE) return this.chunk(major);
    this.at++;
    const chunks: (string | Uint8Array)[] = [];
    while (this.first(this.at) !== BREAK) {
      const chunk = this.first(this.at);
      if (chunk >> 5 !== major || (chunk & 31) === INDEFINITE) {
        throw fault('malformed', 'a CBOR string with a chunk that is none');
      }
      chunks.push(this.chunk(major));
    }
    this.at++;
    if (major === TEXT) return chunks.join('');
    const whole = Buffer.concat(chunks.filter((chunk) => typeof chunk !== 'string'));
    return ownBytes(whole, 0, whole.length);
  }

  private chunk(major: number): string | Uint8Array {
    const length = Number(this.argument());
    const from = this.take(length);
    const to = from + length;
    return major === TEXT ? readUtf8(this.bytes, from, to) : ownBytes(this.bytes, from, to);
  }

  private tagged(): CborScalar {
    const tag = this.argument();
    if (tag === TAG_DECIMAL_FRACTION) return this.decimalFraction();
    const value = this.peek() === TAG ? undefined : this.scalar();
    if (tag === TAG_EPOCH_TIME && (typeof value === 'number' || typeof value === 'bigint')) return value;
    if (tag === TAG_DATE_TEXT && typeof value === 'string') return secondsOf(value);
    throw fault('malformed', `CBOR tag ${tag} is no value here`);
  }

  /** Exponent of ten, and mantissa (RFC 8949 3.4.4). SenML may be written so (RFC 8428 6), and Leshan's times are. */
  private decimalFraction(): DecimalText {
    const parts: CborScalar[] = [];
    for (let left = this.array(); this.more(left) && parts.length < 3; left--) {
      if (this.peek() > NEGATIVE) throw fault('malformed', 'a CBOR decimal fraction without whole numbers');
      parts.push(this.scalar());
    }
    const [exponent, mantissa] = parts;
    const decimal = `${mantissa}e${exponent}`;
    if (parts.length === 2 && isDecimal(decimal)) return { decimal };
    throw fault('malformed', 'a CBOR decimal fraction out of bounds');
  }

  private simple(info: number): CborScalar {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
        return halfToNumber(this.bytes.readUInt16BE(this.take(2)));
      case 26:
        return this.bytes.readFloatBE(this.take(4));
      case 27:
        return this.bytes.readDoubleBE(this.take(8));
      default:
        throw fault('malformed', 'a CBOR simple value that is no value here');
    }
  }
}

function negative(argument: number | bigint): number | bigint {
  return typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER
    ? -1 - argument
    : wholeNumber(-1n - BigInt(argument));
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}
