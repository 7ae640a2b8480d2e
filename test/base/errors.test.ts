import { describe, expect, test } from 'vitest';
import { GatewayError, isGatewayError, messageOf } from '../../src/base/index.ts';

describe('errors', () => {
  const cause = new Error('socket closed');
  const error = new GatewayError('modbus.timeout', 'unit 7 did not answer', { cause, data: { unit: 7 } });

  test('carry a stable code, a cause and facts', () => {
    expect(error).toMatchObject({ name: 'GatewayError', code: 'modbus.timeout', cause, data: { unit: 7 } });
    expect(new GatewayError('a.b', 'c')).not.toHaveProperty('cause');
  });

  test('are told by their code', () => {
    expect(isGatewayError(error)).toBe(true);
    expect(isGatewayError(error, 'modbus.timeout')).toBe(true);
    expect(isGatewayError(error, 'modbus.closed')).toBe(false);
    expect(isGatewayError(cause)).toBe(false);
    expect(isGatewayError(undefined)).toBe(false);
  });

  test('and whatever else was thrown have one line of text', () => {
    expect(messageOf(error)).toBe('unit 7 did not answer');
    expect(messageOf('plain')).toBe('plain');
    expect(messageOf(undefined)).toBe('undefined');
  });
});
