import { expect, test } from 'vitest';
import { type AdapterKeys, jsonSchema, loadConfig } from '../../src/config/index.ts';
import { memoryFiles, modbusKeys, otherKeys, SOUND } from './support.ts';

const load = (...adapters: [string, AdapterKeys][]) =>
  loadConfig('gateway.yaml', {
    adapters: new Map(adapters),
    env: {},
    files: memoryFiles({ 'gateway.yaml': SOUND }),
  });

const object = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties,
  additionalProperties: false,
});

test.each([
  [
    'a key of the gateway',
    { point: object({ unit: { type: 'string' } }) },
    'the keys unit belong to the gateway',
  ],
  ['no object', { device: { type: 'string' } }, 'each must describe an object'],
  [
    'a keyword that is not supported',
    { device: { type: 'object', not: { required: ['unit'] } } },
    'not supported',
  ],
])('an adapter whose schema has %s is a broken program', (_name, part, message) => {
  expect(() => load(['bad', { ...otherKeys, ...part }])).toThrow(
    expect.objectContaining({
      code: 'config.adapter-schema',
      message: `schemas of the adapter bad: ${message}`,
    }),
  );
});

test('two adapters cannot have one connection type', () => {
  expect(() => load(['modbus', modbusKeys], ['twin', modbusKeys])).toThrow(
    'modbus-tcp belongs to another adapter',
  );
});

test('the schema for editors knows the keys of every adapter, and draws the line between them', () => {
  const { gateway, profile } = jsonSchema(
    new Map([
      ['modbus', modbusKeys],
      ['other', otherKeys],
    ]),
  );
  const text = JSON.stringify(gateway);
  expect(text).toContain('"const":"modbus-tcp"');
  expect(text).toContain('"maxRegisters"');
  expect(JSON.stringify(profile)).toContain('"const":"other"');
  expect(gateway).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    additionalProperties: false,
    required: ['upstream'],
  });
});
