import { describe, expect, test } from 'vitest';
import { changeAttributes, type DataType, parseAttributes } from '../../src/model/index.ts';

const BAD = expect.objectContaining({ code: 'model.bad-attribute' });
const resource = (type: DataType) => ({ type });

describe('the query of Write-Attributes and Observe (OMA Core 1.2.2 7.3.2)', () => {
  test('sets by name=value and takes away by name', () => {
    expect(
      parseAttributes(['pmin=10', 'pmax=60', 'epmin=1', 'epmax=20', 'con=1', 'hqmax=100'], undefined),
    ).toEqual({
      pmin: 10,
      pmax: 60,
      epmin: 1,
      epmax: 20,
      con: 1,
      hqmax: 100,
    });
    expect(parseAttributes(['pmin', 'pmax=0'], undefined)).toEqual({ pmin: undefined, pmax: 0 });
    expect(parseAttributes([], undefined)).toEqual({});
  });

  test.each<[string, DataType, number]>([
    ['gt=50', 'integer', 50],
    ['lt=42.2', 'float', 42.2],
    ['lt=-5', 'float', -5],
    ['st=.5', 'unsigned', 0.5],
    ['st=1.e2', 'time', 100],
    ['gt=1E-3', 'float', 0.001],
  ])('%s on a resource of type %s', (item, type, value) => {
    expect(Object.values(parseAttributes([item], resource(type)))).toEqual([value]);
  });

  test('edge is for booleans', () => {
    expect(parseAttributes(['edge=1'], resource('boolean'))).toEqual({ edge: 1 });
    expect(() => parseAttributes(['edge=1'], resource('integer'))).toThrow(BAD);
    expect(() => parseAttributes(['edge=1'], undefined)).toThrow(BAD);
  });

  test.each<[string, string[], DataType | undefined]>([
    ['unknown name', ['pmin=1', 'foo=2'], 'integer'],
    ['read-only property', ['dim=2'], 'integer'],
    ['inherited name', ['constructor=1'], 'integer'],
    ['repeated name', ['pmin=1', 'pmin=2'], 'integer'],
    ['name taken away and set', ['pmin', 'pmin=2'], 'integer'],
    ['nothing after =', ['pmin='], 'integer'],
    ['negative time', ['pmin=-1'], 'integer'],
    ['fraction of a time', ['pmin=1.5'], 'integer'],
    ['time without end', ['pmin=10000000000'], 'integer'],
    ['no number', ['gt=abc'], 'integer'],
    ['NaN', ['gt=NaN'], 'integer'],
    ['infinite number', ['gt=1e999'], 'float'],
    ['bit of 2', ['con=2'], 'integer'],
    ['empty item', [''], 'integer'],
    ['numeric attribute of a string', ['gt=1'], 'string'],
    ['numeric attribute of an instance', ['gt=1'], undefined],
    ['numeric attribute taken away from an instance', ['gt'], undefined],
  ])('refuses: %s', (_, query, type) => {
    expect(() => parseAttributes(query, type === undefined ? undefined : resource(type))).toThrow(BAD);
  });
});

describe('attributes as one set', () => {
  test('keep what a change does not name', () => {
    expect(changeAttributes({ pmin: 10, pmax: 60 }, { pmax: undefined, gt: 5 })).toEqual({ pmin: 10, gt: 5 });
    expect(changeAttributes({ pmin: 10 }, {})).toEqual({ pmin: 10 });
    expect(changeAttributes({}, { pmin: undefined })).toEqual({});
  });

  test('are not changed in place', () => {
    const attributes = { pmin: 10 };
    changeAttributes(attributes, { pmin: 20 });
    expect(attributes).toEqual({ pmin: 10 });
  });

  test.each([
    ['lt above gt', { gt: 5, lt: 10 }],
    ['lt equal to gt', { gt: 5, lt: 5 }],
    ['bands that leave nothing: 1 + 2 * 3 is not below 6', { lt: 1, gt: 6, st: 3 }],
    ['bands that touch', { lt: 1, gt: 7, st: 3 }],
    ['negative step', { st: -1 }],
    ['epmin above epmax', { epmin: 20, epmax: 10 }],
    ['epmin equal to epmax', { epmin: 10, epmax: 10 }],
  ])('refuse %s', (_, change) => {
    expect(() => changeAttributes({}, change)).toThrow(BAD);
  });

  test('are checked with what was there before', () => {
    expect(() => changeAttributes({ gt: 5 }, { lt: 6 })).toThrow(BAD);
    expect(changeAttributes({ gt: 5 }, { lt: 6, gt: undefined })).toEqual({ lt: 6 });
  });

  test('take pmax below pmin: it is ignored when the observation runs', () => {
    expect(changeAttributes({}, { pmin: 20, pmax: 10 })).toEqual({ pmin: 20, pmax: 10 });
  });

  test('take lt + 2 st below gt', () => {
    expect(changeAttributes({}, { lt: 1, gt: 6, st: 1 })).toEqual({ lt: 1, gt: 6, st: 1 });
  });
});
