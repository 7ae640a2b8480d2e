import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyLinear,
  compileConversion,
  convertible,
  dimensionOf,
  invertLinear,
  omaRegistry,
  parseRate,
  rationalOf,
  toDouble,
  unitConversion,
  unitName,
  unitsOf,
} from '../../src/model/index.ts';

function convert(value: number | bigint, from: string, to: string): number {
  return compileConversion({ from, to }).toFloat(value);
}

describe('units', () => {
  test.each([
    [12.345, 'kWh', 'Wh', 12345],
    [1, 'GJ', 'Wh', 1e9 / 3600],
    [3.6, 'MJ', 'kWh', 1],
    [1.163, 'kWh', 'kcal', 1000],
    [1, 'MWh', 'kWh', 1000],
    [229, 'W', 'kW', 0.229],
    [3600, 'J/h', 'W', 1],
    [3.6, 'm3/h', 'm3/s', 0.001],
    [60, 'l/min', 'm3/h', 3.6],
    [1234, 'l', 'm3', 1.234],
    [1, 'ft3', 'm3', 0.028316846592],
    [21.5, 'Cel', 'K', 294.65],
    [70.7, 'degF', 'Cel', 21.5],
    [-40, 'degF', 'Cel', -40],
    [0, 'K', 'Cel', -273.15],
    [1.5, 'bar', 'Pa', 150000],
    [1013.25, 'hPa', 'kPa', 101.325],
    [1, 'psi', 'Pa', 6894.757293168362],
    [97, '%', '/', 0.97],
    [3.1, '%', '/100', 3.1],
    [90, 'min', 'h', 1.5],
    [-70, 'dBm', 'dBW', -100],
    [1, 'KiB', 'B', 1024],
    [3000, '1/min', 'Hz', 50],
    [250, 'mA', 'A', 0.25],
    [5, 'kvarh', 'varh', 5000],
    [1, 'Ah', 'C', 3600],
  ])('%s %s is %s %s: exact', (value, from, to, expected) => {
    expect(convert(value, from, to)).toBe(expected);
  });

  test('a factor without a decimal form is divided only once, at the end', () => {
    expect(convert(1, 'm3/h', 'm3/s')).toBe(1 / 3600);
    expect(convert(7, 'l/h', 'm3/s')).toBe(7 / 3_600_000);
    expect(compileConversion({ scale: '0.01', from: 'm3/h', to: 'm3/s' }).toFloat(1)).toBe(1 / 360_000);
  });

  test('a conversion and its way back are exact inverses, for all pairs of units', () => {
    const unit = fc.constantFrom(...unitsOf());
    const pair = unit.chain((from) =>
      fc.tuple(fc.constant(from), fc.constantFrom(...unitsOf(dimensionOf(from)))),
    );
    fc.assert(
      fc.property(pair, fc.double({ noNaN: true, noDefaultInfinity: true }), ([from, to], value) => {
        const there = unitConversion(from, to);
        const x = rationalOf(value);
        expect(applyLinear(unitConversion(to, from), applyLinear(there, x))).toEqual(x);
        expect(invertLinear(there)).toEqual(unitConversion(to, from));
      }),
      { numRuns: 500 },
    );
  });

  test('units of different dimensions do not convert', () => {
    expect(convertible('kWh', 'W')).toBe(false);
    expect(convertible('W', 'var')).toBe(false);
    expect(convertible('kWh', 'kvarh')).toBe(false);
    expect(convertible('K', 'deltaK')).toBe(false);
    expect(convertible('MWh', 'GJ')).toBe(true);
    expect(() => unitConversion('kWh', 'W')).toThrow(
      expect.objectContaining({
        code: 'model.incompatible-units',
        message: expect.stringContaining('energy'),
      }),
    );
  });

  test('an unknown unit is refused by name', () => {
    expect(convertible('kwh', 'kWh')).toBe(false);
    expect(dimensionOf('constructor')).toBeUndefined();
    expect(() => unitConversion('kwh', 'Wh')).toThrow(
      expect.objectContaining({ code: 'model.unknown-unit' }),
    );
  });

  test.each([
    ['°C', 'Cel'],
    ['m³', 'm3'],
    ['m³/h', 'm3/h'],
    ['L/min', 'l/min'],
    ['kVArh', 'kvarh'],
    ['kWh', 'kWh'],
  ])('%s is another name of %s', (text, name) => {
    expect(unitName(text)).toBe(name);
    expect(convert(1, text, name)).toBe(1);
  });

  test.each([
    [
      'RFC 8428 12.1',
      'm kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 l m/s m/s2 m3/s l/s W/m2 cd/m2 bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min beat/min beats S/m',
    ],
    ['RFC 8798 2', 'B VA VAs var vars J/m kg/m3 deg'],
  ])('every primary unit of SenML is known (%s)', (_, units) => {
    expect(units.split(' ').filter((unit) => unitName(unit) !== unit)).toEqual([]);
  });

  test.each([
    ['ms', 's', 0.001],
    ['min', 's', 60],
    ['h', 's', 3600],
    ['MHz', 'Hz', 1e6],
    ['kW', 'W', 1000],
    ['kVA', 'VA', 1000],
    ['kvar', 'var', 1000],
    ['Ah', 'C', 3600],
    ['Wh', 'J', 3600],
    ['kWh', 'J', 3.6e6],
    ['varh', 'vars', 3600],
    ['kvarh', 'vars', 3.6e6],
    ['kVAh', 'VAs', 3.6e6],
    ['Wh/km', 'J/m', 3.6],
    ['KiB', 'B', 1024],
    ['GB', 'B', 1e9],
    ['Mbit/s', 'bit/s', 1e6],
    ['B/s', 'bit/s', 8],
    ['MB/s', 'bit/s', 8e6],
    ['mV', 'V', 0.001],
    ['mA', 'A', 0.001],
    ['dBm', 'dBW', -29],
    ['ug/m3', 'kg/m3', 1e-9],
    ['mm/h', 'm/s', 1 / 3_600_000],
    ['m/h', 'm/s', 1 / 3600],
    ['ppm', '/', 1e-6],
    ['/100', '/', 0.01],
    ['/1000', '/', 0.001],
    ['hPa', 'Pa', 100],
    ['mm', 'm', 0.001],
    ['cm', 'm', 0.01],
    ['km', 'm', 1000],
    ['km/h', 'm/s', 1 / 3.6],
  ])('1 %s is %s %s: scale and offset of the secondary unit (RFC 8798 3)', (secondary, primary, value) => {
    expect(convert(1, secondary, primary)).toBe(value);
  });

  test.each([
    ['[degF]', 'degF'],
    ['kW.h', 'kWh'],
    ['[gal_us]', 'gal'],
    ['[cft_i]', 'ft3'],
    ['[psi]', 'psi'],
    ['mm[H2O]', 'mmH2O'],
    ['[Btu_IT]', 'BTU'],
    ['m3/h', 'm3/h'],
    ['bar', 'bar'],
  ])('%s of UCUM is %s', (code, name) => {
    expect(unitName(code)).toBe(name);
  });

  test.each([
    [7, 'kL/h', 'm3/h', 7],
    [1, 'Ml/d', 'm3/d', 1000],
    [86.4, 'l/d', 'l/s', 0.001],
    [60, 'ft3/min', 'ft3/s', 1],
    [1, 'kgf/cm2', 'Pa', 98066.5],
    [760, 'mmHg', 'Pa', 101_325.0144354],
    [32, 'degF', 'K', 273.15],
  ])('%s %s is %s %s', (value, from, to, expected) => {
    expect(convert(value, from, to)).toBe(expected);
  });

  test('every unit of the OMA registry is known', () => {
    const registry = omaRegistry();
    const unknown = new Set<string>();
    for (const { resources } of registry.objects.flatMap((id) => registry.versions(id))) {
      for (const { unit } of resources.values()) {
        if (unit !== '' && unitName(unit) === undefined) unknown.add(unit);
      }
    }
    expect([...unknown]).toEqual([]);
  });
});

describe('rates of change', () => {
  const perHour = (amount: string, unit: string, of?: string): number =>
    toDouble(parseRate(amount, unit, of)) * 3600;

  test.each([
    ['100', 'kW', 'kWh', 100],
    ['100', 'kW', 'Wh', 100_000],
    ['5', 'kWh/h', 'kWh', 5],
    ['3.6', 'MJ/min', 'kWh', 60],
    ['2', 'm3/h', 'l', 2000],
    ['30', 'kvar', 'kvarh', 30],
    ['9', 'degF/h', 'Cel', 5],
    ['1', 'kW/s', 'W', 3_600_000],
    ['10', '/min', undefined, 600],
  ])('%s %s for a counter of %s', (amount, unit, of, expected) => {
    expect(perHour(amount, unit, of)).toBeCloseTo(expected, 9);
  });

  test.each([
    ['100', 'kWh', 'kWh'],
    ['100', 'kvar', 'kWh'],
    ['100', '', 'kWh'],
    ['10', 'W/h', 'kWh'],
    ['10', 'kW', undefined],
    ['1.2.3', 'kW', 'kWh'],
  ])('%s %s is no rate for %s', (amount, unit, of) => {
    expect(() => parseRate(amount, unit, of)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^model\./) }),
    );
  });
});
