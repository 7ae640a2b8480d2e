import type { FieldValue, PointId } from '../adapter/index.ts';
import { isGatewayError } from '../base/index.ts';
import {
  compileLinear,
  IDENTITY,
  type Linear,
  parseRate,
  parseRational,
  toDouble,
  unitName,
  unitsOf,
  wholeNumber,
} from '../model/index.ts';
import type { FaultList } from './faults.ts';
import { checkPoint, isMasked, isNumeric, type PointFault, type Shape, shapeOf } from './point-rules.ts';
import type { Plain, PointSource } from './source.ts';

/** What can be told about a number without knowing what it is for (field rules 3.5.3, pitfalls 11 and 12). */
export interface Checks {
  /** The raw value in the unit of the point. */
  readonly toUnit: (raw: number | bigint) => number;
  readonly low: number;
  readonly high: number;
  /** Most change per ms, in the unit of the point; Infinity: any. */
  readonly mostPerMs: number;
  /** How far one step of a whole raw number goes: a coarse counter has to jump. */
  readonly step: number;
  readonly isCounter: boolean;
  readonly onDecrease: NonNullable<PointSource['onDecrease']>;
  readonly rollover: number | undefined;
}

/** A point made sense of. */
export interface PointModel {
  readonly id: PointId;
  readonly source: PointSource;
  readonly shape: Shape;
  /** Mask, shift, invert and map; undefined when the value has no meaning. */
  readonly decode: (value: FieldValue) => FieldValue | undefined;
  /** From raw to the unit of the point. */
  readonly scaling: Linear;
  /** By its one name. */
  readonly unit: string | undefined;
  readonly checks: Checks | undefined;
}

/** Whole numbers that the bit operators of the language are safe for. */
const SMALL = 0x7fffffff;

/** Cuts the masked bits out of a whole number of up to 64 bits. */
function bitsOf({ mask, shift = 0 }: PointSource): (value: FieldValue) => FieldValue | undefined {
  const wide = Number.isSafeInteger(mask) ? BigInt(mask ?? 0) : -1n;
  const narrow = Number(wide & BigInt(SMALL));
  return (value) => {
    if (typeof value === 'number' && value >= 0 && value <= SMALL && Number.isInteger(value) && shift < 32)
      return (value & narrow) >>> shift;
    if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isSafeInteger(value)))
      return undefined;
    return wholeNumber((BigInt.asUintN(64, BigInt(value)) & wide) >> BigInt(shift));
  };
}

/** True or false as the field says it: a boolean, 1 or 0; of masked bits any that is set. */
export function truthOf(value: FieldValue, masked: boolean): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const number = Number(value);
  return masked || number === 0 || number === 1 ? number !== 0 : undefined;
}

function decoderOf(source: PointSource): PointModel['decode'] {
  const steps: PointModel['decode'][] = [];
  const masked = isMasked(source);
  if (masked) steps.push(bitsOf(source));
  if (source.invert === true) {
    steps.push((value) => {
      const truth = truthOf(value, masked);
      return truth === undefined ? undefined : !truth;
    });
  }
  if (source.map !== undefined) {
    const meanings = new Map<string, Plain>(Object.entries(source.map));
    steps.push((value) => meanings.get(String(value)));
  }
  const [first, ...more] = steps;
  if (first === undefined) return (value) => value;
  if (more.length === 0) return first;
  return (value) => {
    let decoded: FieldValue | undefined = value;
    for (const step of steps) if (decoded !== undefined) decoded = step(decoded);
    return decoded;
  };
}

/** Compiles points one by one; what is wrong goes to `faults`, and a harmless default takes its place. */
export function compilePoint(id: PointId, source: PointSource, faults: FaultList): PointModel {
  const fault: PointFault = (steps, message) => faults.atPoint(id, steps, message);
  checkPoint(source, fault);
  const numeric = isNumeric(source);
  const unit = numeric ? knownUnit(source, fault) : undefined;
  const scaling = numeric ? scalingOf(source, fault) : IDENTITY;
  return {
    id,
    source,
    shape: shapeOf(source),
    decode: decoderOf(source),
    scaling,
    unit,
    checks: numeric ? checksOf(source, scaling, unit, fault) : undefined,
  };
}

function knownUnit({ unit }: PointSource, fault: PointFault): string | undefined {
  if (unit === undefined) return undefined;
  const name = unitName(unit);
  if (name === undefined) fault(['unit'], unknownUnit(unit));
  return name;
}

/** The text about a unit that is not known, with those that differ in capitals only. */
export function unknownUnit(unit: string): string {
  const alike = unitsOf().filter((known) => known.toLowerCase() === unit.toLowerCase());
  const hint = alike.length > 0 ? `did you mean ${alike.join(' or ')}?` : `known are ${unitsOf().join(' ')}`;
  return `there is no unit ${JSON.stringify(unit)}; ${hint}`;
}

/** The result of something that throws for broken texts; the fault is reported. */
function attempt<T>(make: () => T, report: (message: string) => void): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    report(error.message);
    return undefined;
  }
}

function scalingOf({ scale = '1', offset = '0' }: PointSource, fault: PointFault): Linear {
  const factor = attempt(
    () => parseRational(scale),
    (message) => fault(['scale'], message),
  );
  const plus = attempt(
    () => parseRational(offset),
    (message) => fault(['offset'], message),
  );
  if (factor?.numerator === 0n) fault(['scale'], 'a scale of 0 makes every value the same');
  return {
    factor: factor === undefined || factor.numerator === 0n ? IDENTITY.factor : factor,
    offset: plus ?? IDENTITY.offset,
  };
}

const MS_PER_SECOND = 1000;

function rateOf(
  { maxRate, unit }: PointSource,
  name: string | undefined,
  fault: PointFault,
): number | undefined {
  // A unit that is not known has been reported already.
  if (maxRate === undefined || (unit !== undefined && name === undefined)) return undefined;
  const rate = attempt(
    () => toDouble(parseRate(maxRate.value, maxRate.unit, name)),
    (message) => fault(['maxRate'], message),
  );
  if (rate !== undefined && !(rate > 0)) fault(['maxRate'], 'a rate has to be above 0');
  return rate;
}

function rolloverOf({ rollover }: PointSource, fault: PointFault): number | undefined {
  if (rollover === undefined) return undefined;
  const end = attempt(
    () => toDouble(parseRational(rollover)),
    (message) => fault(['rollover'], message),
  );
  if (end !== undefined && !(end > 0)) fault(['rollover'], 'a counter rolls over at a number above 0');
  return end;
}

function checksOf(
  source: PointSource,
  scaling: Linear,
  unit: string | undefined,
  fault: PointFault,
): Checks | undefined {
  const { kind, valid, maxRate, onDecrease = 'hold' } = source;
  const rate = rateOf(source, unit, fault);
  const rollover = rolloverOf(source, fault);
  if (valid === undefined && maxRate === undefined && kind !== 'counter') return undefined;
  return {
    toUnit: compileLinear(scaling).toFloat,
    low: valid?.[0] ?? Number.NEGATIVE_INFINITY,
    high: valid?.[1] ?? Number.POSITIVE_INFINITY,
    mostPerMs: rate === undefined ? Number.POSITIVE_INFINITY : rate / MS_PER_SECOND,
    step: Math.abs(toDouble(scaling.factor)),
    isCounter: kind === 'counter',
    onDecrease,
    rollover,
  };
}
