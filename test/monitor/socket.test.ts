import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askMonitor, openMonitor } from '../../src/monitor/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lwm2m-gateway-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('each asker gets a fresh snapshot, and only the owner can ask', async () => {
  const path = join(folder, 'run', 'status.sock');
  let count = 0;
  const monitor = await openMonitor(path, () => ({ count: ++count }));
  expect(await askMonitor(path)).toEqual({ count: 1 });
  expect(await askMonitor(path)).toEqual({ count: 2 });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await monitor.close();
});

test('a socket that a killed process left behind does not stop the next one', async () => {
  const path = join(folder, 'status.sock');
  writeFileSync(path, '');
  const monitor = await openMonitor(path, () => 'here');
  expect(await askMonitor(path)).toBe('here');
  await monitor.close();
});

test('where no gateway runs, asking says so', async () => {
  await expect(askMonitor(join(folder, 'status.sock'))).rejects.toMatchObject({
    code: 'monitor.unreachable',
  });
});
