import { expect, test } from 'vitest';
import { type DataType, rangeFault, type Value } from '../../src/model/index.ts';

test.each<[string, DataType, Value]>([
  ['0..100', 'integer', 100],
  ['-30..-120', 'integer', -75],
  ['-1..1', 'float', -1],
  ['0.5..1.5', 'float', 1.25],
  ['0..255 bytes', 'string', 'x'.repeat(255)],
  ['40', 'opaque', new Uint8Array(40)],
  ['40', 'integer', 41],
  ['1..9007199254740993', 'unsigned', 9007199254740993n],
  ['0..18446744073709551615', 'unsigned', 18446744073709551615n],
  ['ON;OFF', 'string', 'perhaps'],
  ['', 'integer', 5],
])('the range %j of a %s allows %s (OMA Core 1.2 7.1)', (range, type, value) => {
  expect(rangeFault({ range, type }, value)).toBeUndefined();
});

test.each<[string, DataType, Value, string]>([
  ['0..100', 'integer', 101, '101 is outside 0..100'],
  ['0..1', 'float', 1.000001, '1.000001 is outside 0..1'],
  ['1..3', 'string', 'Zähl', '5 bytes are outside 1..3 bytes'],
  ['3 bytes', 'opaque', new Uint8Array(4), '4 bytes are outside 0..3 bytes'],
  ['0..9007199254740992', 'unsigned', 9007199254740993n, '9007199254740993 is outside 0..9007199254740992'],
])('the range %j of a %s refuses %s', (range, type, value, fault) => {
  expect(rangeFault({ range, type }, value)).toBe(fault);
});
