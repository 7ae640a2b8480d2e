import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GatewayError } from '../../src/base/index.ts';
import { askControl, type Control, openControl } from '../../src/control/index.ts';

let folder = '';
let control: Control | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lwm2m-gateway-'));
});
afterEach(async () => {
  await control?.close();
  control = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** What comes back for these very bytes. */
function raw(path: string, ...chunks: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(path, () => {
      for (const chunk of chunks) socket.write(chunk);
      socket.end();
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

test('a command gets its arguments, and the asker what it returns; only the owner can ask', async () => {
  const path = join(folder, 'run', 'control.sock');
  control = await openControl(path, {
    add: async ({ a, b }) => Number(a) + Number(b),
    nothing() {},
  });
  expect(await askControl(path, 'add', { a: 1, b: 2 })).toBe(3);
  expect(await askControl(path, 'nothing')).toBeNull();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('the protocol is one line of JSON each way, as the README says', async () => {
  const path = join(folder, 'control.sock');
  control = await openControl(path, { echo: (given) => given });
  expect(await raw(path, '{"command":"ec', 'ho","server":1}\n')).toBe('{"ok":true,"result":{"server":1}}\n');
});

test('a refusal keeps its code on the way to the asker', async () => {
  const path = join(folder, 'control.sock');
  control = await openControl(path, {
    refuse() {
      throw new GatewayError('store.unwritable', 'the disk is full');
    },
    async break() {
      throw new TypeError('oops');
    },
  });
  await expect(askControl(path, 'refuse')).rejects.toMatchObject({
    code: 'store.unwritable',
    message: 'the disk is full',
  });
  await expect(askControl(path, 'break')).rejects.toMatchObject({ code: 'control.failed' });
  await expect(askControl(path, 'toString')).rejects.toThrow('no command toString; there are break, refuse');
});

test.each([
  ['no JSON', 'status\n'],
  ['no command', '{"server":1}\n'],
  ['no object', 'null\n'],
])('a request with %s is refused, and the next one is served', async (_, line) => {
  const path = join(folder, 'control.sock');
  control = await openControl(path, { status: () => 'fine' });
  expect(JSON.parse(await raw(path, line))).toMatchObject({
    ok: false,
    error: { code: 'control.bad-request' },
  });
  expect(await askControl(path, 'status')).toBe('fine');
});

test('a line without an end is not collected for ever', async () => {
  const path = join(folder, 'control.sock');
  control = await openControl(path, {});
  const endless = Array.from({ length: 20 }, () => 'x'.repeat(8192));
  expect(await raw(path, ...endless).catch(() => '')).toBe('');
});

test('a socket that a killed process left behind does not stop the next one; a living one does', async () => {
  const path = join(folder, 'control.sock');
  writeFileSync(path, '');
  control = await openControl(path, { status: () => 'here' });
  expect(await askControl(path, 'status')).toBe('here');
  await expect(openControl(path, {})).rejects.toMatchObject({ code: 'control.taken' });
});

test('where no gateway runs, asking says so', async () => {
  await expect(askControl(join(folder, 'control.sock'), 'status')).rejects.toMatchObject({
    code: 'control.unreachable',
  });
});
