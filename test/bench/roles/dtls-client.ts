/** Clients that are measured: plain UDP and DTLS. */
import { X509Certificate } from 'node:crypto';
import { type DtlsClient, openDtlsClient } from '../../../src/dtls/index.ts';
import { type DatagramTransport, openUdpClient, type Peer } from '../../../src/transport/index.ts';
import { pemOf } from '../../dtls/certificates.ts';
import { intermediate, root, scene } from '../../dtls/scenes.ts';
import { answerParent } from '../children.ts';
import {
  ANSWERS_AT,
  type Cost,
  GROUP_AT,
  type HandshakeCost,
  type HandshakeLoad,
  type IdleMemory,
  PAYLOAD,
  type Target,
  type Traffic,
} from '../dtls-loads.ts';
import { heapInUse, type Usage, usage } from '../usage.ts';

interface Opened extends Partial<Pick<DtlsClient, 'session' | 'details'>> {
  readonly transport: DatagramTransport;
  readonly peer: Peer;
}

/** A server that is not there yet is asked again soon. */
const timers = { firstMs: 200, mostMs: 1000, totalMs: 10_000 };

/** One CA for all clients, as a gateway has. */
let anchors: readonly X509Certificate[] | undefined;

function open({ port, way, root: server }: Target, session?: Uint8Array): Promise<Opened> {
  const udp = { host: '127.0.0.1', port };
  if (way === undefined) return openUdpClient(udp);
  const { server: _server, way: _way, credentials, ...options } = scene(way);
  if (credentials === undefined) throw new RangeError(way);
  anchors ??= [new X509Certificate(Buffer.from(server, 'base64'))];
  const trusting = credentials.kind === 'certificate' ? { ...credentials, trust: { anchors } } : credentials;
  return openDtlsClient({ udp, credentials: trusting, timers, ...options, ...(session && { session }) });
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function costOf(before: Usage, after: Usage, count: number): Cost {
  return {
    perSecond: (count * 1000) / (after.atMs - before.atMs),
    cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / count,
  };
}

/** Payloads under way at the same time. */
const WINDOW = 64;
const LOST_AFTER_MS = 20;
/** Until it is under way. */
const RUN_UP_MS = 50;

/** Keeps groups of payloads under way; one of which something got lost is begun again. */
async function traffic({
  seconds,
  up,
  down,
  ...target
}: Target & Traffic & { seconds: number }): Promise<Cost> {
  const { transport, peer } = await open(target);
  const most = Math.max(up, down);
  const groups = Array.from({ length: WINDOW / most }, (_, group) => {
    const silent = Buffer.alloc(PAYLOAD);
    silent[GROUP_AT] = group;
    const asking = Buffer.from(silent);
    asking[ANSWERS_AT] = down;
    return { silent, asking, due: 0, sentAt: Number.NEGATIVE_INFINITY };
  });
  let done = 0;
  const begin = (group: (typeof groups)[number]): void => {
    group.due = down;
    group.sentAt = performance.now();
    for (let left = up; left > 1; left--) transport.send(group.silent, peer);
    transport.send(group.asking, peer);
  };
  transport.receive({
    onMessage(bytes) {
      const group = groups[bytes[GROUP_AT] ?? 0];
      if (group === undefined || --group.due > 0) return;
      done++;
      begin(group);
    },
    onError() {},
  });
  const replace = (): void => {
    const lost = performance.now() - LOST_AFTER_MS;
    for (const group of groups) if (group.sentAt < lost) begin(group);
  };
  replace();
  const replacing = setInterval(replace, LOST_AFTER_MS);
  await wait(RUN_UP_MS);
  const [before, doneBefore] = [usage(), done];
  await wait(seconds * 1000);
  const cost = costOf(before, usage(), (done - doneBefore) * most);
  clearInterval(replacing);
  await transport.close();
  return cost;
}

/** Handshakes one after the other, each with its socket. */
async function handshakes({ seconds, resumes, ...target }: HandshakeLoad): Promise<HandshakeCost> {
  let session: Uint8Array | undefined;
  const once = async (): Promise<void> => {
    const opened = await open(target, session);
    if (session !== undefined && opened.details?.isResumed !== true) throw new Error('was not resumed');
    if (resumes) session = opened.session?.();
    await opened.transport.close();
  };
  await once();
  const before = usage();
  const end = performance.now() + seconds * 1000;
  let done = 0;
  for (; performance.now() < end; done++) await once();
  return { ...costOf(before, usage(), done), handshakes: done };
}

/** Associations that do nothing. */
async function memory({ count, ...target }: Target & { count: number }): Promise<IdleMemory> {
  await (await open(target)).transport.close();
  const kept: Opened[] = [];
  const before = { used: heapInUse(), rss: process.memoryUsage.rss() };
  while (kept.length < count) kept.push(await open(target));
  await wait(200); // what ends with a handshake has ended
  const after = { used: heapInUse(), rss: process.memoryUsage.rss() };
  for (const { transport } of kept) await transport.close();
  const each = (bytes: number): number => bytes / 1000 / count;
  return { usedKb: each(after.used - before.used), rssKb: each(after.rss - before.rss) };
}

answerParent({
  traffic,
  handshakes,
  memory,
  /** CAs that a server finds our certificate by, in PEM. */
  cas: () => pemOf(root) + pemOf(intermediate),
});
process.channel?.ref(); // lives on between two questions
