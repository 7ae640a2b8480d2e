import { GatewayError } from '../base/index.ts';
import { divide, multiply, parseRational, type Rational } from './decimal.ts';
import {
  type Conversion,
  chainLinear,
  compileLinear,
  IDENTITY,
  invertLinear,
  type Linear,
} from './linear.ts';
import { ALIASES, DIMENSIONS, type Dimension, RATES, type ToBase } from './unit-table.ts';

interface Unit {
  readonly name: string;
  readonly dimension: Dimension;
  readonly toBase: Linear;
}

function unitFrom(dimension: Dimension, name: string, toBase: ToBase): Unit {
  const [factor, offset] = typeof toBase === 'string' ? [toBase, '0'] : toBase;
  return { name, dimension, toBase: { factor: parseRational(factor), offset: parseRational(offset) } };
}

const UNITS: ReadonlyMap<string, Unit> = new Map(
  (Object.entries(DIMENSIONS) as [Dimension, Record<string, ToBase>][]).flatMap(([dimension, units]) =>
    Object.entries(units).map(([name, toBase]) => [name, unitFrom(dimension, name, toBase)]),
  ),
);

function find(text: string): Unit | undefined {
  return UNITS.get(Object.hasOwn(ALIASES, text) ? (ALIASES[text] ?? '') : text);
}

function unit(text: string): Unit {
  const found = find(text);
  if (found !== undefined) return found;
  throw new GatewayError('model.unknown-unit', `there is no unit ${JSON.stringify(text)}`);
}

/** The one name of a unit, e.g. `Cel` for `°C`; undefined when it is not known. */
export function unitName(text: string): string | undefined {
  return find(text)?.name;
}

export function dimensionOf(text: string): Dimension | undefined {
  return find(text)?.dimension;
}

/** The units of one dimension, or all. */
export function unitsOf(dimension?: Dimension): readonly string[] {
  return dimension === undefined ? [...UNITS.keys()] : Object.keys(DIMENSIONS[dimension]);
}

/** True if both are units of one dimension. */
export function convertible(from: string, to: string): boolean {
  const dimension = dimensionOf(from);
  return dimension !== undefined && dimension === dimensionOf(to);
}

/**
 * How values in `from` become values in `to`.
 * @throws GatewayError `model.unknown-unit`, `model.incompatible-units`
 */
export function unitConversion(from: string, to: string): Linear {
  const [source, target] = [unit(from), unit(to)];
  if (source.dimension !== target.dimension) {
    throw new GatewayError(
      'model.incompatible-units',
      `${from} (${source.dimension}) does not convert to ${to} (${target.dimension})`,
    );
  }
  return source === target ? IDENTITY : chainLinear(source.toBase, invertLinear(target.toBase));
}

/** What turns a raw value into a quantity: `raw * scale + offset` in the unit `from`, then to the unit `to`. */
export interface ConversionSpec {
  /** decimal text or a quotient; 1 when absent */
  readonly scale?: string;
  /** decimal text or a quotient; 0 when absent */
  readonly offset?: string;
  readonly from?: string;
  readonly to?: string;
}

/**
 * Prepares a conversion for many values; without both units none is converted.
 * @throws GatewayError `model.bad-decimal`, `model.unknown-unit`, `model.incompatible-units`
 */
export function compileConversion({ scale = '1', offset = '0', from, to }: ConversionSpec): Conversion {
  const scaling: Linear = { factor: parseRational(scale), offset: parseRational(offset) };
  return compileLinear(
    from === undefined || to === undefined ? scaling : chainLinear(scaling, unitConversion(from, to)),
  );
}

/** The base units per second that the unit `name` of a rate counts, for quantities in `of`. */
function perSecond(name: string, of: string | undefined): Rational {
  const rate = find(name);
  const dimension = of === undefined ? undefined : unit(of).dimension;
  if (rate !== undefined && dimension !== undefined && RATES[dimension] === rate.dimension)
    return rate.toBase.factor;
  const slash = name.lastIndexOf('/');
  const [quantity, time] = [name.slice(0, Math.max(0, slash)).trim(), find(name.slice(slash + 1).trim())];
  if (slash >= 0 && time?.dimension === 'time') {
    if (of === undefined && quantity === '') return divide(IDENTITY.factor, time.toBase.factor);
    if (of !== undefined && convertible(quantity, of))
      return divide(unit(quantity).toBase.factor, time.toBase.factor);
  }
  throw new GatewayError(
    'model.incompatible-units',
    `${JSON.stringify(name)} is no unit for a change of ${of ?? 'a plain number'} over time; write ${of ?? ''}/h, for example`,
  );
}

/**
 * A rate of change in units of `of` per second: a kWh counter takes 100 `kW`, 100 `kWh/h` or 1 `MJ/min`, a plain number
 * takes 10 `/s`. An offset (Cel) plays no part.
 * @param amount decimal text
 * @throws GatewayError `model.bad-decimal`, `model.unknown-unit`, `model.incompatible-units`
 */
export function parseRate(amount: string, name: string, of: string | undefined): Rational {
  const inBase = multiply(parseRational(amount), perSecond(name, of));
  return of === undefined ? inBase : divide(inBase, unit(of).toBase.factor);
}
