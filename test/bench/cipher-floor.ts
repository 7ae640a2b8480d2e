import { createCipheriv, createDecipheriv } from 'node:crypto';
import { isOnPath, run } from '../peers/process.ts';
import { PAYLOAD } from './dtls-loads.ts';
import { median } from './figures.ts';
import { usage } from './usage.ts';

/** What the cipher alone takes: the least that a record can cost. */

const ALGORITHM = 'aes-128-ccm';
const TAG = { authTagLength: 8 };
const RECORDS = 20_000;
const ROUNDS = 15;

function throughNode(): number {
  const [key, nonce, aad] = [Buffer.alloc(16, 1), Buffer.alloc(12), Buffer.alloc(13)];
  const content = Buffer.alloc(PAYLOAD);
  const lengths = { plaintextLength: PAYLOAD };
  const once = (number: number): void => {
    nonce.writeUInt32BE(number, 8);
    const sealing = createCipheriv(ALGORITHM, key, nonce, TAG).setAAD(aad, lengths);
    const sealed = sealing.update(content);
    sealing.final();
    const opening = createDecipheriv(ALGORITHM, key, nonce, TAG);
    opening.setAuthTag(sealing.getAuthTag()).setAAD(aad, lengths).update(sealed);
    opening.final();
  };
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = usage().cpuMs;
    for (let number = 0; number < RECORDS; number++) once(number);
    return ((usage().cpuMs - before) * 1000) / RECORDS;
  });
  return median(rounds);
}

/** Bytes per second, in the form for machines. */
const SPEED = /^\+F:\d+:AES-128-CCM:([\d.]+)$/m;

async function inC(): Promise<number> {
  if (!isOnPath('openssl')) return Number.NaN;
  const args = ['speed', '-mr', '-aead', '-evp', ALGORITHM, '-bytes', String(PAYLOAD), '-seconds', '1'];
  const { stdout } = await run('openssl', args, { deadlineMs: 20_000 });
  return (2 * PAYLOAD * 1e6) / Number(SPEED.exec(stdout)?.[1] ?? Number.NaN);
}

/** us to seal and open a record with AES-128-CCM, by `node:crypto` and by `openssl speed` */
export async function cipherFloor(): Promise<{ readonly nodeUs: number; readonly opensslUs: number }> {
  return { nodeUs: throughNode(), opensslUs: await inC() };
}
