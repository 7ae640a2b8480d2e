/**
 * The LwM2M server: as little of one as possible, so that it never is what limits the gateway. Registers one client,
 * observes the meters, counts what arrives; and asks for a resource as fast as it is answered.
 */
import { createSocket } from 'node:dgram';
import { Decoder } from 'cbor-x';
import { answerParent } from '../children.ts';
import { CODE, type Message, OPTION, pathOptions, readMessage, TYPE, writeMessage } from '../coap-bytes.ts';
import { quantile } from '../figures.ts';
import { createLoader } from '../loader.ts';
import type { Load, Watch, Watched } from '../loads.ts';
import { changedAt, machineMs, POINTS, type Schedule, UNITS } from '../meter.ts';
import { createRegistrar } from '../registrar.ts';
import { prefixOf } from '../site.ts';

const HOST = '127.0.0.1';
const SENML_CBOR = Buffer.from([112]);
const TEXT = Buffer.alloc(0);
/** of SenML in CBOR (RFC 8428 6) */
const NAME = 0;
const VALUE = 2;

const cbor = new Decoder({ mapsAsObjects: false });
const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
let lastMid = 0;

const nextMid = (): number => {
  lastMid = (lastMid + 1) & 0xffff;
  return lastMid;
};

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const registrar = createRegistrar(socket);

// ---- notifications

const pointOfResource = new Map(POINTS.map(({ resource }, index) => [String(resource), index]));
/** changes that were last heard of, by unit and point; -1: none yet */
const heard = new Int32Array((UNITS + 1) * POINTS.length).fill(-1);
const answered = new Set<number>();

interface Count {
  readonly schedule: Schedule;
  readonly latencies: number[];
  notifications: number;
  samples: number;
  overtaken: number;
}
let count: Count | undefined;

function takeSample(unit: number, record: ReadonlyMap<number, unknown>, now: number): void {
  const point = pointOfResource.get(String(record.get(NAME)));
  const value = record.get(VALUE);
  if (point === undefined || typeof value !== 'number') return;
  const changes = Math.round(value * (POINTS[point]?.factor ?? Number.NaN));
  const at = unit * POINTS.length + point;
  const before = heard[at] ?? -1;
  heard[at] = changes;
  if (count === undefined) return;
  count.samples++;
  if (before < 0 || changes === before) return;
  if (changes === before + 1) count.latencies.push(now - changedAt(changes, unit, point, count.schedule));
  else count.overtaken++;
}

/** The token of an observation is its unit. */
function takeNotification({ token, payload }: Message): void {
  const now = machineMs();
  const unit = token[0] ?? 0;
  answered.add(unit);
  if (count !== undefined) count.notifications++;
  for (const record of cbor.decode(payload) as ReadonlyMap<number, unknown>[]) takeSample(unit, record, now);
}

async function observe(): Promise<void> {
  const port = await registrar.registered;
  for (let missing = UNITS; missing > 0; missing = UNITS - answered.size) {
    for (let unit = 1; unit <= UNITS; unit++) {
      if (answered.has(unit)) continue;
      const [prefix, ...rest] = pathOptions(`${prefixOf(unit)}/10242/0`);
      if (prefix === undefined) continue;
      const options = [
        [OPTION.observe, TEXT] as const,
        prefix,
        ...rest,
        [OPTION.accept, SENML_CBOR] as const,
      ];
      socket.send(
        writeMessage(TYPE.confirmable, CODE.get, nextMid(), Buffer.from([unit]), options),
        port,
        HOST,
      );
    }
    await wait(500);
  }
}

async function watch({ ms, schedule }: Watch): Promise<Watched> {
  const counted: Count = { schedule, latencies: [], notifications: 0, samples: 0, overtaken: 0 };
  count = counted;
  const start = machineMs();
  await wait(ms);
  count = undefined;
  const seconds = (machineMs() - start) / 1000;
  const { latencies, notifications, samples, overtaken } = counted;
  latencies.sort((a, b) => a - b);
  return {
    seconds,
    notifications,
    samples,
    overtaken,
    latencyP50Ms: quantile(latencies, 0.5),
    latencyP99Ms: quantile(latencies, 0.99),
  };
}

// ---- what arrives

const ANSWER_CLASS = 2;

const loader = createLoader(socket);

socket.on('message', (bytes, from) => {
  if (loader.hear(bytes, from.port)) return;
  const message = readMessage(bytes);
  if (message.code >> 5 < ANSWER_CLASS) registrar.take(message, from.port);
  else if (message.code === CODE.content) takeNotification(message);
});
await new Promise<void>((bound) => socket.bind(0, HOST, bound));

answerParent({
  port: () => socket.address().port,
  registered: async () => (await registrar.registered) > 0,
  observe,
  watch,
  load: async (load: Load) => loader.run(load.port ?? (await registrar.registered), load),
});
