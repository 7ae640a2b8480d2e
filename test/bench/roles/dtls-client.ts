/** Clients that are measured: plain UDP and DTLS. */
import { X509Certificate } from 'node:crypto';
import { openDtlsClient } from '../../../src/dtls/index.ts';
import { type DatagramTransport, openUdpClient, type Peer } from '../../../src/transport/index.ts';
import { scene } from '../../dtls/scenes.ts';
import { answerParent } from '../children.ts';
import { usage } from '../usage.ts';

export interface Target {
  readonly port: number;
  /** absent: plain UDP */
  readonly way?: string;
  /** the CA that the server has its certificate from, DER in base64 */
  readonly root: string;
}

interface Opened {
  readonly transport: DatagramTransport;
  readonly peer: Peer;
}

/** One CA for all clients, as a gateway has. */
let anchors: readonly X509Certificate[] | undefined;

function open({ port, way, root }: Target): Promise<Opened> {
  const udp = { host: '127.0.0.1', port };
  if (way === undefined) return openUdpClient(udp);
  const { server: _server, way: _way, credentials, ...options } = scene(way);
  if (credentials === undefined) throw new RangeError(way);
  anchors ??= [new X509Certificate(Buffer.from(root, 'base64'))];
  const trusting = credentials.kind === 'certificate' ? { ...credentials, trust: { anchors } } : credentials;
  return openDtlsClient({ udp, credentials: trusting, ...options });
}

const WINDOW = 64;
const LOST_AFTER_MS = 20;

/** Round trips of 64 bytes, {@link WINDOW} at a time; one that gets lost is replaced. */
async function echo({ seconds, ...target }: Target & { seconds: number }) {
  const { transport, peer } = await open(target);
  const payloads = Array.from({ length: WINDOW }, (_, slot) => Buffer.alloc(64, slot));
  const sentAt = payloads.map(() => 0);
  let echoes = 0;
  const send = (slot: number): void => {
    sentAt[slot] = performance.now();
    transport.send(payloads[slot] ?? Buffer.alloc(64), peer);
  };
  transport.receive({
    onMessage(bytes) {
      echoes++;
      send(bytes[0] ?? 0);
    },
    onError() {},
  });
  const replace = (): void => {
    const lost = performance.now() - LOST_AFTER_MS;
    for (const [slot, at] of sentAt.entries()) if (at < lost) send(slot);
  };
  replace();
  const replacing = setInterval(replace, LOST_AFTER_MS);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // until the machine is warm
  const [before, echoesBefore] = [usage(), echoes];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const [after, spent] = [usage(), echoes - echoesBefore];
  clearInterval(replacing);
  await transport.close();
  return {
    perSecond: (spent * 1000) / (after.atMs - before.atMs),
    cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / spent,
  };
}

/** Handshakes one after the other. */
async function handshakes({ seconds, ...target }: Target & { seconds: number }) {
  for (let at = 0; at < 20; at++) await (await open(target)).transport.close();
  const before = usage();
  let done = 0;
  while (usage().atMs - before.atMs < seconds * 1000) {
    await (await open(target)).transport.close();
    done++;
  }
  const after = usage();
  return {
    perSecond: (done * 1000) / (after.atMs - before.atMs),
    cpuMs: (after.cpuMs - before.cpuMs) / done,
  };
}

const settled = async (): Promise<{ usedKb: number; rssKb: number }> => {
  for (let time = 0; time < 4; time++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { usedKb: (heapUsed + external) / 1000, rssKb: rss / 1000 };
};

/** kB per open client that does nothing. */
async function memory({ count, ...target }: Target & { count: number }) {
  await (await open(target)).transport.close();
  const kept: Opened[] = [];
  const before = await settled();
  for (let at = 0; at < count; at++) kept.push(await open(target));
  const after = await settled();
  for (const { transport } of kept) await transport.close();
  return {
    usedKb: (after.usedKb - before.usedKb) / count,
    rssKb: (after.rssKb - before.rssKb) / count,
  };
}

answerParent({ echo, handshakes, memory });
process.channel?.ref(); // lives on between two questions
