/**
 * Floats of less than 64 bits as the number that people would write: the shortest decimal text that leads back to
 * the same bits. A meter that means 230.1 sends a float32, which as a double reads 230.10000610351562; passing that on
 * would make up digits.
 */

const view = new DataView(new ArrayBuffer(8));

const POWER_OF_TEN: readonly number[] = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));

/** Below this many decimals or above that the arithmetic of the fast path is not exact any more. */
const FAST_DECIMALS = { fewest: -9, most: 12 };

/** Significant digits that always identify a float32; fewer than six never decide between neighbours. */
const FEWEST_DIGITS = 6;
const MOST_DIGITS = 9;

/** By binary exponent: the decimals at which a value has at most {@link FEWEST_DIGITS} digits; 127: no fast path. */
const FIRST_DECIMALS = Int8Array.from({ length: 256 }, (_, biased) => {
  const decimals = FEWEST_DIGITS - 1 - Math.floor((biased - 126) * Math.log10(2));
  const fits =
    decimals >= FAST_DECIMALS.fewest && decimals + MOST_DIGITS - FEWEST_DIGITS <= FAST_DECIMALS.most;
  return biased > 0 && fits ? decimals : 127;
});

/** @returns undefined for NaN and infinity */
export function float32FromBits(bits: number): number | undefined {
  view.setUint32(0, bits);
  const exact = view.getFloat32(0);
  if (!Number.isFinite(exact)) return undefined;
  if (exact === 0) return 0;
  return exact < 0 ? -shortestFloat32(-exact, bits) : shortestFloat32(exact, bits);
}

function shortestFloat32(exact: number, bits: number): number {
  const first = FIRST_DECIMALS[(bits >>> 23) & 0xff] ?? 127;
  if (first === 127) return shortestText(exact, Math.fround);
  for (let decimals = first; decimals <= first + MOST_DIGITS - FEWEST_DIGITS + 1; decimals++) {
    const power = POWER_OF_TEN[Math.abs(decimals)] ?? 1;
    const rounded = decimals < 0 ? Math.round(exact / power) * power : Math.round(exact * power) / power;
    if (Math.fround(rounded) === exact) return rounded;
  }
  return shortestText(exact, Math.fround);
}

/** The same for any format, through text. */
function shortestText(exact: number, round: (value: number) => number | undefined): number {
  for (let digits = 1; digits <= MOST_DIGITS; digits++) {
    const rounded = Number(exact.toPrecision(digits));
    if (round(rounded) === exact) return rounded;
  }
  return exact;
}

/** The nearest float32; undefined when it would become infinite, or zero without being it. */
export function float32ToBits(value: number): number | undefined {
  const nearest = Math.fround(value);
  if (!Number.isFinite(nearest) || (nearest === 0 && value !== 0)) return undefined;
  view.setFloat32(0, nearest);
  return view.getUint32(0);
}

const HALF = { bias: 15, fractionBits: 10, lowestExponent: -14, special: 0x1f };

/** @returns undefined for NaN and infinity */
export function float16FromBits(bits: number): number | undefined {
  const biased = (bits >> HALF.fractionBits) & HALF.special;
  if (biased === HALF.special) return undefined;
  const exact = magnitude16(bits & 0x7fff);
  const shortest = shortestText(exact, nearest16);
  return bits >= 0x8000 && shortest !== 0 ? -shortest : shortest;
}

/** The nearest float16; undefined when it would become infinite, or zero without being it. */
export function float16ToBits(value: number): number | undefined {
  const bits = magnitudeBits16(Math.abs(value));
  if (bits === undefined || (bits === 0 && value !== 0)) return undefined;
  return value < 0 ? bits | 0x8000 : bits;
}

function magnitude16(bits: number): number {
  const biased = bits >> HALF.fractionBits;
  const fraction = bits & 0x3ff;
  return biased === 0
    ? fraction * 2 ** (HALF.lowestExponent - HALF.fractionBits)
    : (1024 + fraction) * 2 ** (biased - HALF.bias - HALF.fractionBits);
}

function magnitudeBits16(value: number): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  const exponent = Math.max(HALF.lowestExponent, Math.floor(Math.log2(value)));
  const steps = roundToEven(value / 2 ** (exponent - HALF.fractionBits));
  // Holds for subnormal values too, and a carry of the fraction moves into the exponent by itself.
  const bits = ((exponent + HALF.bias) << HALF.fractionBits) + steps - 1024;
  return bits < HALF.special << HALF.fractionBits ? bits : undefined;
}

function nearest16(value: number): number | undefined {
  const bits = magnitudeBits16(value);
  return bits === undefined ? undefined : magnitude16(bits);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** @returns undefined for NaN and infinity */
export function float64FromBits(bits: bigint): number | undefined {
  view.setBigUint64(0, bits);
  const value = view.getFloat64(0);
  if (!Number.isFinite(value)) return undefined;
  return value === 0 ? 0 : value;
}

export function float64ToBits(value: number): bigint | undefined {
  if (!Number.isFinite(value)) return undefined;
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}
