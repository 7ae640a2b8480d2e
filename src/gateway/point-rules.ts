import { type FaultList, listed } from './faults.ts';
import type { Plain, PointKind, PointSource } from './source.ts';

/** Reports what is wrong with one point, by its keys. */
export type PointFault = (steps: Parameters<FaultList['atPoint']>[1], message: string) => void;

/**
 * What a point yields once raw bits have their meaning: numbers that may have a unit, bare bits, true and false, texts,
 * or whatever the device sends (`open`).
 */
export type Shape = 'number' | 'bits' | 'boolean' | 'text' | 'open';

const NUMERIC: ReadonlySet<PointKind> = new Set<PointKind>(['gauge', 'counter', 'time']);
const NUMBERS_ONLY = ['scale', 'offset', 'unit', 'valid', 'maxRate'] as const;
const COUNTERS_ONLY = ['rollover', 'onDecrease'] as const;

/** A state is a number, too, when it has a unit: a set point of a few values. */
export function isNumeric({ kind, unit }: PointSource): boolean {
  return NUMERIC.has(kind) || (kind === 'state' && unit !== undefined);
}

export function isReadable(source: PointSource): boolean {
  return source.access !== 'w';
}

export function isWritable(source: PointSource): boolean {
  return source.access !== 'r';
}

/** True if only some bits of the raw value count. */
export function isMasked({ mask, shift }: PointSource): boolean {
  return mask !== undefined || shift !== undefined;
}

/** What the values of a map are, when they are of one kind. */
function shapeOfMap(map: Readonly<Record<string, Plain>>): Shape | undefined {
  const types = new Set(Object.values(map).map((value) => typeof value));
  const [type] = types;
  if (types.size !== 1) return undefined;
  return type === 'string' ? 'text' : type === 'boolean' ? 'boolean' : 'number';
}

export function shapeOf(source: PointSource): Shape {
  if (isNumeric(source)) return 'number';
  if (source.map !== undefined) return shapeOfMap(source.map) ?? 'open';
  if (source.kind === 'text') return 'text';
  if (source.invert === true) return 'boolean';
  return isMasked(source) ? 'bits' : 'open';
}

/** Keys that mean nothing for this kind of point would be silently without effect. */
function checkKeys(source: PointSource, fault: PointFault): void {
  if (!isNumeric(source)) {
    for (const key of NUMBERS_ONLY) {
      if (source[key] !== undefined)
        fault(
          [key],
          `a ${source.kind} has no ${key}: only a gauge, a counter, a time or a state with a unit has one`,
        );
    }
  }
  if (source.kind !== 'counter') {
    for (const key of COUNTERS_ONLY)
      if (source[key] !== undefined) fault([key], `only a counter has ${key}, and this is a ${source.kind}`);
  }
  if (source.invert === true && (source.kind !== 'state' || isNumeric(source)))
    fault(['invert'], `only a state without a unit can be inverted, and this is a ${source.kind}`);
  if (source.write !== undefined && !isWritable(source))
    fault(['write'], 'the point has access: r; write needs access: rw or w');
}

const MOST_SHIFT = 63;

function checkBits(source: PointSource, fault: PointFault): void {
  const { mask, shift } = source;
  if (source.kind === 'text' && isMasked(source))
    fault([mask === undefined ? 'shift' : 'mask'], 'a text has no bits to mask');
  if (mask !== undefined && !(Number.isSafeInteger(mask) && mask > 0))
    fault(['mask'], 'a mask is a whole number from 1 to 2^53 - 1');
  if (shift !== undefined && !(Number.isInteger(shift) && shift >= 0 && shift <= MOST_SHIFT))
    fault(['shift'], `a shift is a whole number of bits from 0 to ${MOST_SHIFT}`);
  if (isMasked(source) && isWritable(source))
    fault(
      [mask === undefined ? 'shift' : 'mask'],
      'writing would lose the other bits: address the bits themselves',
    );
}

function checkMap(source: PointSource, fault: PointFault): void {
  const { map } = source;
  if (map === undefined) return;
  const values = Object.values(map);
  if (source.invert === true) fault(['invert'], 'the map already says what each raw value means');
  if (values.length === 0) fault(['map'], 'a map names at least one raw value');
  else if (isNumeric(source) && shapeOfMap(map) !== 'number')
    fault(['map'], `this ${source.kind} is a number, so its map leads to numbers`);
  else if (source.kind === 'text' && shapeOfMap(map) !== 'text')
    fault(['map'], 'a text point maps to texts; other meanings need kind: state');
  else if (shapeOfMap(map) === undefined)
    fault(['map'], 'the values of a map are all texts, all numbers or all true and false');
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (isWritable(source) && twice !== undefined)
    fault(['map'], `two raw values stand for ${JSON.stringify(twice)}: a write would not know which`);
}

const TYPES: Readonly<Partial<Record<Shape, string>>> = {
  number: 'number',
  boolean: 'boolean',
  text: 'string',
};

function checkAllowed(source: PointSource, fault: PointFault): void {
  const { map, write } = source;
  const type = TYPES[shapeOf(source)];
  const meanings = map === undefined || isNumeric(source) ? undefined : Object.values(map);
  for (const one of write?.allowed ?? []) {
    if (meanings === undefined ? type === undefined || typeof one === type : meanings.includes(one)) continue;
    const known =
      meanings === undefined ? `values here are of type ${type}` : `the map leads to ${listed(meanings)}`;
    fault(['write', 'allowed'], `${JSON.stringify(one)} never comes: ${known}`);
  }
}

function checkLimits({ valid, write }: PointSource, fault: PointFault): void {
  if (valid !== undefined && !(valid[0] <= valid[1]))
    fault(['valid'], `valid is [least, most], and ${listed(valid)} is not in that order`);
  const { min, max, step } = write ?? {};
  if (min !== undefined && max !== undefined && min > max)
    fault(['write', 'min'], `min is ${min}, above max, which is ${max}`);
  if (step !== undefined && !(step > 0)) fault(['write', 'step'], 'a step has to be above 0');
}

/** What the keys of a point say about each other, beyond the form of each. */
export function checkPoint(source: PointSource, fault: PointFault): void {
  checkKeys(source, fault);
  checkBits(source, fault);
  checkMap(source, fault);
  checkLimits(source, fault);
  checkAllowed(source, fault);
}
