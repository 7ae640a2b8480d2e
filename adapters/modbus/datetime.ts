import type { FieldValue } from 'lwm2m-gateway/adapter';
import type { ClockFace, Zone } from './zone.ts';

/**
 * Dates in registers. A date becomes seconds since 1970; one that does not exist, or that the device calls invalid,
 * becomes nothing.
 */

/** Parts of a date in the order in which they stand there. */
export const DATE_PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second', 'skip'] as const;
export type DatePart = (typeof DATE_PARTS)[number];

/** How the parts of a date are written down. */
export interface DateForm {
  readonly parts: readonly DatePart[];
  /** What each part takes; a byte when absent. */
  readonly size?: 'byte' | 'register';
  /** binary when absent */
  readonly coding?: 'binary' | 'bcd';
}

/** Registers that a date takes. */
export function dateRegisters({ parts, size }: DateForm): number {
  return size === 'register' ? parts.length : Math.ceil(parts.length / 2);
}

const MIDNIGHT: ClockFace = {
  year: 0,
  month: 1,
  day: 1,
  hour: 0,
  minute: 0,
  second: 0,
  millisecond: 0,
  isSummer: false,
};

/** Years are of this century where only their last digits are written. */
const CENTURY = 2000;

const inSeconds = (time: number | undefined): number | undefined =>
  time === undefined ? undefined : time / 1000;

/** The time that is to be written, in whole seconds; undefined for what is none. */
function msOf(value: FieldValue): number | undefined {
  if (typeof value !== 'number' || !Number.isSafeInteger(1000 * value)) return undefined;
  return 1000 * value;
}

function fromBcd(bits: number): number | undefined {
  const text = bits.toString(16);
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Bytes of a date to a time, and back; both in the order of the parts. */
export interface DateCodec {
  decode(bytes: Buffer): number | undefined;
  encode(value: FieldValue): Buffer | undefined;
}

export function packedDate({ parts, size, coding }: DateForm, zone: Zone): DateCodec {
  const width = size === 'register' ? 2 : 1;
  const decode = (bytes: Buffer): number | undefined => {
    const face: { -readonly [part in keyof ClockFace]?: number } = {};
    for (const [index, part] of parts.entries()) {
      if (part === 'skip') continue;
      const bits = bytes.readUIntBE(index * width, width);
      const number = coding === 'bcd' ? fromBcd(bits) : bits;
      if (number === undefined) return undefined;
      face[part] = part === 'year' && number < 100 ? CENTURY + number : number;
    }
    return inSeconds(zone.toTime({ ...MIDNIGHT, ...face, isSummer: false }));
  };
  const encode = (value: FieldValue): Buffer | undefined => {
    const time = msOf(value);
    if (time === undefined) return undefined;
    const face = zone.toFace(time);
    const bytes = Buffer.alloc(2 * dateRegisters({ parts, size: width === 2 ? 'register' : 'byte' }));
    for (const [index, part] of parts.entries()) {
      if (part === 'skip') continue;
      const number = part === 'year' && width === 1 ? face.year % 100 : face[part];
      bytes.writeUIntBE(coding === 'bcd' ? Number.parseInt(`${number}`, 16) : number, index * width, width);
    }
    // What the parts do not say, such as seconds or the century, must not be lost in silence.
    return decode(bytes) === value ? bytes : undefined;
  };
  return { decode, encode };
}

/** Most significant first; the octets of IEC 60870-5-4 (CP56Time2a) count from the least. */
const CP56 = { bytes: 8, year: 1, month: 2, day: 3, hour: 4, minute: 5, millisecond: 6 } as const;
const SUMMER = 0x80;
const INVALID = 0x80;
const MS_PER_MINUTE = 60_000;

/** CP56Time2a in four registers, the first of them with the year, as meters have it. */
export function cp56time2a(zone: Zone): DateCodec {
  return {
    decode(bytes) {
      const [minute, hour] = [bytes.readUInt8(CP56.minute), bytes.readUInt8(CP56.hour)];
      const ms = bytes.readUInt16BE(CP56.millisecond);
      if ((minute & INVALID) !== 0 || ms >= MS_PER_MINUTE) return undefined;
      const time = zone.toTime({
        year: CENTURY + (bytes.readUInt8(CP56.year) & 0x7f),
        month: bytes.readUInt8(CP56.month) & 0x0f,
        day: bytes.readUInt8(CP56.day) & 0x1f,
        hour: hour & 0x1f,
        minute: minute & 0x3f,
        second: Math.floor(ms / 1000),
        millisecond: ms % 1000,
        isSummer: (hour & SUMMER) !== 0,
      });
      return inSeconds(time);
    },
    encode(value) {
      const time = msOf(value);
      if (time === undefined) return undefined;
      const { year, month, day, hour, minute, second, millisecond, isSummer } = zone.toFace(time);
      if (year < CENTURY || year > CENTURY + 99) return undefined;
      const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
      const bytes = Buffer.alloc(CP56.bytes);
      bytes[CP56.year] = year - CENTURY;
      bytes[CP56.month] = month;
      bytes[CP56.day] = day | (weekday << 5);
      bytes[CP56.hour] = hour | (isSummer ? SUMMER : 0);
      bytes[CP56.minute] = minute;
      bytes.writeUInt16BE(1000 * second + millisecond, CP56.millisecond);
      return bytes;
    },
  };
}
