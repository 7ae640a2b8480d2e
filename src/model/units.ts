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

/** To the base unit of its dimension: a factor, or factor and offset, exact as decimals and quotients of decimals. */
type ToBase = string | readonly [factor: string, offset: string];

/**
 * SenML units (RFC 8428 12.1, RFC 8798 3), what the OMA registry adds (KB, MB, NTU, Ws, VAh, mg/l, ppt), and what meters
 * use. Base units are coherent (J = W s, m3/s = m3 / s), so that a rate needs no factor of its own.
 */
const DIMENSIONS = {
  power: {
    W: '1',
    mW: '0.001',
    kW: '1000',
    MW: '1e6',
    GW: '1e9',
    'J/h': '1/3600',
    'kJ/h': '1000/3600',
    'MJ/h': '1e6/3600',
    'GJ/h': '1e9/3600',
  },
  'reactive power': { var: '1', kvar: '1000', Mvar: '1e6' },
  'apparent power': { VA: '1', kVA: '1000', MVA: '1e6' },
  energy: {
    Wh: '3600',
    kWh: '3.6e6',
    MWh: '3.6e9',
    GWh: '3.6e12',
    J: '1',
    Ws: '1',
    kJ: '1000',
    MJ: '1e6',
    GJ: '1e9',
    cal: '4.1868',
    kcal: '4186.8',
    Mcal: '4186800',
    Gcal: '4186800000',
    BTU: '1055.05585262',
    MBTU: '1055055852.62',
  },
  'reactive energy': { varh: '3600', kvarh: '3.6e6', Mvarh: '3.6e9', vars: '1' },
  'apparent energy': { VAh: '3600', kVAh: '3.6e6', MVAh: '3.6e9', VAs: '1' },
  voltage: { V: '1', mV: '0.001', kV: '1000' },
  current: { A: '1', mA: '0.001', kA: '1000' },
  charge: { C: '1', Ah: '3600' },
  resistance: { Ohm: '1', kOhm: '1000' },
  capacitance: { F: '1' },
  conductance: { S: '1' },
  conductivity: { 'S/m': '1', 'uS/cm': '0.0001', 'mS/cm': '0.1' },
  frequency: { Hz: '1', mHz: '0.001', kHz: '1000', MHz: '1e6', '1/s': '1', '1/min': '1/60', '1/h': '1/3600' },
  volume: {
    m3: '1',
    l: '0.001',
    dm3: '0.001',
    ml: '1e-6',
    hl: '0.1',
    ft3: '0.028316846592',
    CCF: '2.8316846592',
    gal: '0.003785411784',
    impgal: '0.00454609',
    acft: '1233.48183754752',
  },
  'volume flow': {
    'm3/s': '1',
    'm3/min': '1/60',
    'm3/h': '1/3600',
    'm3/d': '1/86400',
    'l/s': '0.001',
    'l/min': '0.001/60',
    'l/h': '0.001/3600',
    'gal/min': '0.003785411784/60',
    'gal/h': '0.003785411784/3600',
    'ft3/h': '0.028316846592/3600',
  },
  pressure: {
    Pa: '1',
    hPa: '100',
    kPa: '1000',
    MPa: '1e6',
    mbar: '100',
    bar: '100000',
    psi: '4.4482216152605/0.00064516',
    mmH2O: '9.80665',
    mH2O: '9806.65',
    atm: '101325',
  },
  temperature: { K: '1', Cel: ['1', '273.15'], degF: ['5/9', '2298.35/9'] },
  'temperature difference': { deltaK: '1', deltaCel: '1', deltaF: '5/9' },
  mass: { kg: '1', g: '0.001', t: '1000' },
  'mass flow': { 'kg/s': '1', 'kg/h': '1/3600', 't/h': '1000/3600' },
  force: { N: '1' },
  time: { s: '1', ms: '0.001', min: '60', h: '3600', d: '86400' },
  ratio: { '1': '1', '/': '1', '%': '0.01', '/100': '0.01', '/1000': '0.001', ppm: '1e-6', 'm3/m3': '1' },
  'relative humidity': { '%RH': '1' },
  'battery level': { '%EL': '1' },
  'battery time': { EL: '1' },
  count: { count: '1' },
  angle: { deg: '1', lat: '1', lon: '1', rad: '57.2957795130823208767981548141051703324' },
  'solid angle': { sr: '1' },
  length: { m: '1', mm: '0.001', cm: '0.01', km: '1000' },
  area: { m2: '1' },
  speed: { 'm/s': '1', 'km/h': '1000/3600', 'm/h': '1/3600', 'mm/h': '0.001/3600' },
  acceleration: { 'm/s2': '1' },
  'energy per volume': { 'J/m3': '1', 'MJ/m3': '1e6', 'Wh/m3': '3600', 'kWh/m3': '3.6e6' },
  'energy per distance': { 'J/m': '1', 'Wh/km': '3.6' },
  density: { 'kg/m3': '1', 'g/l': '1', 'mg/l': '0.001', 'ug/m3': '1e-9' },
  salinity: { ppt: '1' },
  turbidity: { NTU: '1' },
  acidity: { pH: '1' },
  illuminance: { lx: '1' },
  'luminous flux': { lm: '1' },
  'luminous intensity': { cd: '1' },
  luminance: { 'cd/m2': '1' },
  irradiance: { 'W/m2': '1', 'kW/m2': '1000' },
  'sound level': { dB: '1' },
  'signal level': { dBW: '1', dBm: ['1', '-30'] },
  information: { bit: '1', B: '8', KB: '8000', KiB: '8192', MB: '8e6', GB: '8e9' },
  'data rate': { 'bit/s': '1', 'kbit/s': '1000', 'Mbit/s': '1e6', 'B/s': '8', 'MB/s': '8e6' },
  amount: { mol: '1' },
  inductance: { H: '1' },
  'magnetic flux': { Wb: '1' },
  'magnetic flux density': { T: '1' },
  radioactivity: { Bq: '1' },
} as const satisfies Record<string, Record<string, ToBase>>;

/** A kind of quantity; units of one dimension can be converted into each other. */
export type Dimension = keyof typeof DIMENSIONS;

/** What a quantity per time is. */
const RATES: Partial<Record<Dimension, Dimension>> = {
  energy: 'power',
  'reactive energy': 'reactive power',
  'apparent energy': 'apparent power',
  charge: 'current',
  volume: 'volume flow',
  mass: 'mass flow',
  length: 'speed',
  information: 'data rate',
  count: 'frequency',
  time: 'ratio',
};

/** Other ways to write a unit. */
const ALIASES: Readonly<Record<string, string>> = {
  '°C': 'Cel',
  '℃': 'Cel',
  degC: 'Cel',
  '°F': 'degF',
  '℉': 'degF',
  '°': 'deg',
  Ω: 'Ohm',
  '‰': '/1000',
  VAr: 'var',
  kVAr: 'kvar',
  MVAr: 'Mvar',
  VArh: 'varh',
  kVArh: 'kvarh',
  MVArh: 'Mvarh',
  'm³': 'm3',
  'dm³': 'dm3',
  'ft³': 'ft3',
  'm²': 'm2',
  'm³/s': 'm3/s',
  'm³/min': 'm3/min',
  'm³/h': 'm3/h',
  'm³/d': 'm3/d',
  'm³/m³': 'm3/m3',
  'kWh/m³': 'kWh/m3',
  'MJ/m³': 'MJ/m3',
  'kg/m³': 'kg/m3',
  'µg/m3': 'ug/m3',
  'µg/m³': 'ug/m3',
  'μg/m³': 'ug/m3',
  'W/m²': 'W/m2',
  L: 'l',
  mL: 'ml',
  hL: 'hl',
  'L/s': 'l/s',
  'L/min': 'l/min',
  'L/h': 'l/h',
  rpm: '1/min',
};

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
