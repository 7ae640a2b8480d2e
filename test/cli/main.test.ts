import { expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';
import { command } from '../support/command.ts';

test('--version after a command is that of the command', async () => {
  expect((await command('objects', '3', '--version', '1.0')).stdout).toMatch(/^3 Device 1\.0: /);
  expect((await command('--version')).stdout.trim()).toBe(VERSION);
});

test('a payload that cannot be decoded ends with its code and exit code 1', async () => {
  const { code, stderr } = await command('decode', '--format', 'tlv', '--path', '/3/0', 'C8', '09');
  expect([code, stderr.trim()]).toEqual([1, 'codec.truncated: TLV ends within a header']);
});
