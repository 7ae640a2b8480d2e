import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startRole } from './children.ts';
import { markdown, median, medians, shown } from './figures.ts';
import { INTERVAL_MS, prefixOf, RESOURCES, writeFleet } from './fleet.ts';
import type { FleetWatched } from './fleet-loads.ts';
import type { Extent } from './gateway.ts';
import type { Load, LoadResult } from './loads.ts';
import { startGateway, wait } from './scene.ts';
import { cpuPercent, type Usage } from './usage.ts';

const FEW = 10;
const MANY = 1000;
const STARTS = 5;
const WINDOW = 32;
const WARM_UP_MS = 2000;
const MEASURED_MS = 3000;
const TLV = 11542;
const SENML_CBOR = 112;

interface FleetScene {
  readonly gateway: Child;
  readonly server: Child;
  /** from the start of the process to the answer to Register */
  readonly startMs: number;
  close(): Promise<void>;
}

/** The program as users run it, between simulated devices and a server that is a process of its own. */
async function openFleet(devices: number): Promise<FleetScene> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-bench-'));
  const server = startRole('fleet-server');
  const config = await writeFleet(folder, { devices, serverPort: await server.ask<number>('port') });
  const registered = server.ask<boolean>('registered');
  const startedAt = performance.now();
  const gateway = await startGateway(config);
  const isRegistered = await Promise.race([registered, gateway.ended.then(() => false)]);
  const startMs = performance.now() - startedAt;
  const close = async (): Promise<void> => {
    await gateway.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  if (isRegistered) return { gateway, server, startMs, close };
  await close();
  throw new Error('the gateway ended before it was registered');
}

async function measureStart(devices: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    const { startMs, close } = await openFleet(devices);
    times.push(startMs);
    await close();
  }
  return median(times);
}

interface Memory {
  readonly heapMb: number;
  readonly rssMb: number;
  readonly mostRssMb: number;
}

async function memoryOf(gateway: Child): Promise<Memory> {
  // First what it has by itself: asking for the heap collects garbage.
  const { rssMb, mostRssMb } = await gateway.ask<Usage>('usage');
  return { rssMb, mostRssMb, heapMb: (await gateway.ask<number>('heap')) / 1e6 };
}

const READS: readonly (Pick<Load, 'path' | 'accept'> & { readonly name: string })[] = [
  { name: 'a resource of the gateway, text', path: '/3/0/0' },
  { name: 'a resource of a device, text', path: `/${prefixOf(1)}/10242/0/4` },
  { name: '/3/0, TLV', path: '/3/0', accept: TLV },
  { name: "a device's /3/0, SenML CBOR", path: `/${prefixOf(1)}/3/0`, accept: SENML_CBOR },
  {
    name: "a device's instance of 30 values, SenML CBOR",
    path: `/${prefixOf(1)}/10242/0`,
    accept: SENML_CBOR,
  },
];

type ReadFigures = {
  readonly bytes: number;
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly refusals: number;
};

async function measureReads(
  { gateway, server }: FleetScene,
  read: (typeof READS)[number],
): Promise<ReadFigures> {
  const load = (ms: number): Promise<LoadResult> => server.ask('load', { ...read, window: WINDOW, ms });
  await load(WARM_UP_MS);
  const before = await gateway.ask<Usage>('usage');
  const { perSecond, waitP50Ms, waitP99Ms, refusals, bytes } = await load(MEASURED_MS);
  const after = await gateway.ask<Usage>('usage');
  const answers = (perSecond * (after.atMs - before.atMs)) / 1000;
  return {
    perSecond,
    waitP50Ms,
    waitP99Ms,
    refusals,
    bytes,
    cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / answers,
  };
}

async function readTable(scene: FleetScene, rounds: number): Promise<string> {
  const rows: string[][] = [];
  for (const read of READS) {
    const results: ReadFigures[] = [];
    for (let round = 0; round < rounds; round++) results.push(await measureReads(scene, read));
    const { perSecond, cpuUs, waitP50Ms, waitP99Ms, refusals, bytes } = medians(results);
    rows.push([
      read.name,
      shown(bytes),
      shown(perSecond),
      shown(cpuUs, 1),
      shown(waitP50Ms, 2),
      shown(waitP99Ms, 2),
      shown(refusals),
    ]);
  }
  return markdown([['read', 'bytes', 'per second', 'CPU us each', 'p50 ms', 'p99 ms', 'refused'], ...rows]);
}

const memoryRow = (name: string, { heapMb, rssMb, mostRssMb }: Memory): string[] => [
  name,
  `${shown(heapMb, 1)} MB`,
  `${shown(rssMb)} MB`,
  `${shown(mostRssMb)} MB`,
];

/** One client that shows a thousand devices: start, memory, notifications, reads. */
export async function benchClient({ rounds, seconds }: Extent): Promise<void> {
  const [few, many] = [await measureStart(FEW), await measureStart(MANY)];
  const observations = MANY * RESOURCES.length;
  console.log(`load of the machine before: ${loadavg()[0]?.toFixed(1)}\n`);
  console.log(`From the start of the process to the answer to Register, medians of ${STARTS}:`);
  console.log(`${FEW} devices ${shown(few)} ms, ${MANY} devices ${shown(many)} ms\n`);
  const scene = await openFleet(MANY);
  const { gateway, server, close } = scene;
  try {
    await wait(INTERVAL_MS);
    const idle = await memoryOf(gateway);
    const quietReads = await readTable(scene, rounds);
    const afterReads = await memoryOf(gateway);
    const observedInMs = await server.ask<number>('observe', MANY);
    await wait(2 * INTERVAL_MS);
    const before = await gateway.ask<Usage>('usage');
    const ms = Math.max(3, Math.ceil((seconds * 1000) / INTERVAL_MS)) * INTERVAL_MS;
    const told = await server.ask<FleetWatched>('watch', ms);
    const used = cpuPercent(before, await gateway.ask<Usage>('usage'));
    const observing = await memoryOf(gateway);
    const due = (observations * told.seconds * 1000) / INTERVAL_MS;
    const bytes = ((observing.heapMb - afterReads.heapMb) * 1e6) / observations;
    console.log(
      markdown([
        [`${MANY} devices x ${RESOURCES.length} resources`, 'heap', 'RSS', 'most RSS'],
        memoryRow('registered, all polled once', idle),
        memoryRow('after the reads below', afterReads),
        memoryRow(`with ${shown(observations)} observations, notified`, observing),
      ]),
    );
    console.log(`\n${shown(bytes)} bytes per observation; all taken in ${shown(observedInMs / 1000, 1)} s\n`);
    console.log(
      `All values change every ${INTERVAL_MS / 1000} s: ${shown(told.notifications / told.seconds)}`,
    );
    console.log(`notifications/s, ${shown((100 * told.notifications) / due, 2)} % of those due, `);
    const cpuUs = (used / 100) * 1e6 * (told.seconds / told.notifications);
    console.log(
      `${told.silent} observations silent, ${shown(used, 1)} % of a core, ${shown(cpuUs, 1)} us each\n`,
    );
    console.log(`Reads, ${WINDOW} under way, nothing observed; ${rounds} rounds, medians\n\n${quietReads}\n`);
    console.log(`The same while all of that is notified\n\n${await readTable(scene, 1)}`);
    console.log(`\nload of the machine after: ${loadavg()[0]?.toFixed(1)}`);
  } finally {
    await close();
  }
}
