import { isIPv4 } from 'node:net';
import type { FieldValue } from 'lwm2m-gateway/adapter';
import {
  float16FromBits,
  float16ToBits,
  float32FromBits,
  float32ToBits,
  float64FromBits,
  float64ToBits,
} from './floats.ts';

/** The bits of a value in its registers: a number up to 48 of them, a bigint for 64. */
export type Bits = number | bigint;

/** Numbers and their bits, both ways; every type is a row of {@link NUMERIC_TYPES}. */
export interface NumericType {
  readonly registers: 1 | 2 | 3 | 4;
  /** the bits of a register that it is made of, where it does not take all of them */
  readonly mask?: number;
  /** what `nan: std` means */
  readonly standardNan: readonly Bits[];
  toValue(bits: Bits): FieldValue | undefined;
  /** undefined: does not fit */
  toBits(value: FieldValue): Bits | undefined;
}

function wholeWithin(value: FieldValue, low: number, high: number): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= low && number <= high
    ? number
    : undefined;
}

function unsigned(registers: 1 | 2): NumericType {
  const high = 2 ** (16 * registers) - 1;
  return {
    registers,
    standardNan: [high],
    toValue: (bits) => bits,
    toBits: (value) => wholeWithin(value, 0, high),
  };
}

function signed(registers: 1 | 2): NumericType {
  const modulus = 2 ** (16 * registers);
  const sign = modulus / 2;
  return {
    registers,
    standardNan: [sign],
    toValue: (bits) => (Number(bits) >= sign ? Number(bits) - modulus : bits),
    toBits(value) {
      const whole = wholeWithin(value, -sign, sign - 1);
      return whole !== undefined && whole < 0 ? whole + modulus : whole;
    },
  };
}

/** Sign in the highest bit, magnitude in the others. */
function signMagnitude(registers: 1 | 2): NumericType {
  const sign = 2 ** (16 * registers - 1);
  return {
    registers,
    standardNan: [2 * sign - 1],
    toValue: (bits) => (Number(bits) > sign ? sign - Number(bits) : Number(bits) % sign),
    toBits(value) {
      const whole = wholeWithin(value, 1 - sign, sign - 1);
      return whole !== undefined && whole < 0 ? sign - whole : whole;
    },
  };
}

/** Half a register; the other half is another value. */
function half(shift: 0 | 8, isSigned: boolean): NumericType {
  return {
    registers: 1,
    mask: 0xff << shift,
    standardNan: [],
    toValue(bits) {
      const byte = (Number(bits) >> shift) & 0xff;
      return isSigned && byte >= 0x80 ? byte - 0x100 : byte;
    },
    toBits(value) {
      const whole = isSigned ? wholeWithin(value, -0x80, 0x7f) : wholeWithin(value, 0, 0xff);
      return whole === undefined ? undefined : (whole & 0xff) << shift;
    },
  };
}

/** Registers of four decimal digits each, the most significant first. */
function tenThousands(registers: 2 | 3 | 4): NumericType {
  return {
    registers,
    standardNan: [],
    toValue(bits) {
      let value = 0n;
      for (let register = registers - 1; register >= 0; register--) {
        const digits = (BigInt(bits) >> BigInt(16 * register)) & 0xffffn;
        if (digits > 9999n) return undefined;
        value = value * 10_000n + digits;
      }
      const small = Number(value);
      return Number.isSafeInteger(small) ? small : value;
    },
    toBits(value) {
      if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined;
      let rest = BigInt(value as number | bigint);
      if (rest < 0n || rest >= 10_000n ** BigInt(registers)) return undefined;
      let bits = 0n;
      for (let register = 0; register < registers; register++) {
        bits |= (rest % 10_000n) << BigInt(16 * register);
        rest /= 10_000n;
      }
      return registers === 4 ? bits : Number(bits);
    },
  };
}

/** An IPv4 address as text. */
const ipv4: NumericType = {
  registers: 2,
  standardNan: [0],
  toValue: (bits) => [24, 16, 8, 0].map((shift) => (Number(bits) >>> shift) & 0xff).join('.'),
  toBits(value) {
    if (typeof value !== 'string' || !isIPv4(value)) return undefined;
    return value.split('.').reduce((bits, byte) => bits * 0x100 + Number(byte), 0);
  },
};

/** A decimal digit in every four bits. */
function binaryCodedDecimal(registers: 1 | 2 | 3): NumericType {
  const digits = 4 * registers;
  return {
    registers,
    standardNan: [2 ** (16 * registers) - 1],
    toValue(bits) {
      let value = 0;
      for (let digit = digits - 1; digit >= 0; digit--) {
        const nibble = Math.floor(Number(bits) / 16 ** digit) % 16;
        if (nibble > 9) return undefined;
        value = value * 10 + nibble;
      }
      return value;
    },
    toBits(value) {
      const whole = wholeWithin(value, 0, 10 ** digits - 1);
      return whole === undefined ? undefined : Number.parseInt(`${whole}`, 16);
    },
  };
}

function whole64(
  low: bigint,
  high: bigint,
  standardNan: bigint,
  fromBits: (bits: bigint) => bigint,
): NumericType {
  return {
    registers: 4,
    standardNan: [standardNan],
    toValue(bits) {
      const value = fromBits(BigInt(bits));
      const small = Number(value);
      return Number.isSafeInteger(small) ? small : value;
    },
    toBits(value) {
      if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isInteger(value)))
        return undefined;
      const whole = BigInt(value);
      return whole >= low && whole <= high ? BigInt.asUintN(64, whole) : undefined;
    },
  };
}

/** NaN, which fits nowhere, for what is no number. */
const numberOf = (value: FieldValue): number =>
  typeof value === 'number' || typeof value === 'bigint' ? Number(value) : Number.NaN;

export const NUMERIC_TYPES = {
  bool: {
    registers: 1,
    standardNan: [0xffff],
    toValue: (bits) => bits !== 0,
    toBits: (value) => (typeof value === 'boolean' ? Number(value) : undefined),
  },
  int16: signed(1),
  uint16: unsigned(1),
  int32: signed(2),
  uint32: unsigned(2),
  int64: whole64(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 63n, (bits) => BigInt.asIntN(64, bits)),
  uint64: whole64(0n, 2n ** 64n - 1n, 2n ** 64n - 1n, (bits) => bits),
  float16: {
    registers: 1,
    standardNan: [],
    toValue: (bits) => float16FromBits(Number(bits)),
    toBits: (value) => float16ToBits(numberOf(value)),
  },
  float32: {
    registers: 2,
    standardNan: [],
    toValue: (bits) => float32FromBits(Number(bits)),
    toBits: (value) => float32ToBits(numberOf(value)),
  },
  float64: {
    registers: 4,
    standardNan: [],
    toValue: (bits) => float64FromBits(BigInt(bits)),
    toBits: (value) => float64ToBits(numberOf(value)),
  },
  bcd16: binaryCodedDecimal(1),
  bcd32: binaryCodedDecimal(2),
  bcd48: binaryCodedDecimal(3),
  sm16: signMagnitude(1),
  sm32: signMagnitude(2),
  int8h: half(8, true),
  int8l: half(0, true),
  uint8h: half(8, false),
  uint8l: half(0, false),
  mod10k32: tenThousands(2),
  mod10k48: tenThousands(3),
  mod10k64: tenThousands(4),
  ipv4,
  /** seconds since 1970; a clock that was never set stands at the beginning */
  unix32: { ...unsigned(2), standardNan: [0, 2 ** 32 - 1] },
} as const satisfies Record<string, NumericType>;
