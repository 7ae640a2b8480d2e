import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStaging, runCommand } from '../../src/firmware/index.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lwm2m-gateway-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const LIMITS = { mostBytes: 1000, spareBytes: 0 };

describe('a package on the disk', () => {
  test('is there when it is whole, and not before', async () => {
    const file = openStaging(join(folder, 'new', 'package'), LIMITS);
    const staging = file.begin(undefined);
    expect(await staging.write(Buffer.from('first '))).toBeUndefined();
    void staging.write(Buffer.from('second '));
    expect(await staging.write(Buffer.from('third'))).toBeUndefined();
    expect(file.exists).toBe(false);
    expect(await staging.finish()).toBeUndefined();
    expect(readFileSync(file.path, 'utf8')).toBe('first second third');
    file.discard();
    expect(file.exists).toBe(false);
  });

  test('that is given up leaves nothing, not even the one before', async () => {
    const file = openStaging(join(folder, 'package'), LIMITS);
    writeFileSync(file.path, 'old');
    const staging = file.begin(undefined);
    await staging.write(Buffer.from('half'));
    await staging.abort();
    expect(file.exists).toBe(false);
    expect(existsSync(`${file.path}.part`)).toBe(false);
  });

  test.each([
    ['said to be', 1001, 0],
    ['found to be', undefined, 1001],
  ])('that is %s too large has no room', async (_, size, length) => {
    const file = openStaging(join(folder, 'package'), LIMITS);
    const staging = file.begin(size);
    expect(await staging.write(Buffer.alloc(length))).toBe('no-space');
    expect(await staging.finish()).toBe('no-space');
    expect(file.exists).toBe(false);
  });

  test('finds no room when the disk must keep more than it has free', async () => {
    const file = openStaging(join(folder, 'package'), {
      mostBytes: 1000,
      spareBytes: Number.MAX_SAFE_INTEGER,
    });
    expect(await file.begin(undefined).write(Buffer.alloc(1))).toBe('no-space');
  });

  test('cannot be kept where a file is in the way', async () => {
    writeFileSync(join(folder, 'file'), '');
    const staging = openStaging(join(folder, 'file', 'package'), LIMITS).begin(undefined);
    expect(await staging.write(Buffer.from('x'))).toBe('failed');
    await staging.abort();
  });
});

describe('a command', () => {
  const script = (text: string): string => {
    const path = join(folder, 'script');
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o700);
    return path;
  };

  test('gets the file as its last argument, without a shell in between', async () => {
    const exit = await runCommand([script('echo "$1|$2"; exit 5'), 'a b; rm'], ['/tmp/pkg'], 5000);
    expect(exit).toEqual({ code: 5, lastWords: 'a b; rm|/tmp/pkg' });
  });

  test('that hangs is killed', async () => {
    expect((await runCommand(['sleep'], ['60'], 100)).code).toBeUndefined();
  });

  test('that does not exist says so', async () => {
    expect(await runCommand(['/no/such/program'], [], 1000)).toMatchObject({ code: undefined });
  });
});
