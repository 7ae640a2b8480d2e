import { type Child, startRole } from './children.ts';
import { markdown, medians, shown } from './figures.ts';
import type { Watched } from './loads.ts';
import { machineMs, POINTS, UNITS } from './meter.ts';
import { openScene, startField, wait } from './scene.ts';
import { cpuPercent, type Usage } from './usage.ts';

export interface Extent {
  /** seconds that each round takes */
  readonly seconds: number;
  /** what is printed are medians of so many */
  readonly rounds: number;
}

export const INTERVALS_MS = [1000, 100] as const;

/** By then the start is over, the hot code compiled, and the garbage of the start collected. */
export const WARM_UP_MS = 30_000;

/** A type, not an interface, so that it is a record of numbers. */
type Figures = {
  readonly samplesPerSecond: number;
  readonly bareSamplesPerSecond: number;
  readonly cpuPercent: number;
  readonly bareCpuPercent: number;
  readonly cpuAbovePercent: number;
  readonly rssMb: number;
  readonly bareRssMb: number;
  readonly mostRssMb: number;
  readonly bareMostRssMb: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly overtaken: number;
};

/** The yardstick: a loop that reads the same values at the same interval, from a field of its own. */
async function openBare(intervalMs: number): Promise<{ bare: Child; close(): Promise<void> }> {
  const { field, port } = await startField({ startMs: machineMs(), intervalMs });
  const bare = startRole('bare', [String(port), String(intervalMs)]);
  return {
    bare,
    async close() {
      await bare.stop();
      await field.stop();
    },
  };
}

async function measure(gateway: Child, bare: Child, watch: () => Promise<Watched>): Promise<Figures> {
  const ask = () =>
    Promise.all([gateway.ask<Usage>('usage'), bare.ask<Usage>('usage'), bare.ask<number>('samples')]);
  const [gatewayBefore, bareBefore, samplesBefore] = await ask();
  const { samples, seconds, latencyP50Ms, latencyP99Ms, overtaken } = await watch();
  const [gatewayAfter, bareAfter, samplesAfter] = await ask();
  const used = cpuPercent(gatewayBefore, gatewayAfter);
  const bareUsed = cpuPercent(bareBefore, bareAfter);
  return {
    samplesPerSecond: samples / seconds,
    bareSamplesPerSecond: ((samplesAfter - samplesBefore) * 1000) / (bareAfter.atMs - bareBefore.atMs),
    cpuPercent: used,
    bareCpuPercent: bareUsed,
    cpuAbovePercent: used - bareUsed,
    rssMb: gatewayAfter.rssMb,
    bareRssMb: bareAfter.rssMb,
    mostRssMb: gatewayAfter.mostRssMb,
    bareMostRssMb: bareAfter.mostRssMb,
    latencyP50Ms,
    latencyP99Ms,
    overtaken,
  };
}

/** Both at the same time, so that other load of the machine meets them alike. */
async function measureInterval(intervalMs: number, { seconds, rounds }: Extent): Promise<Figures> {
  const { gateway, upstream, schedule, close } = await openScene(intervalMs);
  const yardstick = await openBare(intervalMs);
  try {
    await upstream.ask('observe');
    await wait(WARM_UP_MS);
    const results: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      const watch = () => upstream.ask<Watched>('watch', { ms: seconds * 1000, schedule });
      results.push(await measure(gateway, yardstick.bare, watch));
    }
    return medians(results);
  } finally {
    await yardstick.close();
    await close();
  }
}

const HEAD = [
  'program, poll interval',
  'samples/s',
  'of those due',
  'CPU of a core',
  'RSS',
  'most RSS',
  'latency p50',
  'p99',
  'p50 over half an interval',
];

function rowsOf(intervalMs: number, result: Figures): string[][] {
  const due = (1000 * UNITS * POINTS.length) / intervalMs;
  const arrived = (samples: number): string[] => [
    shown(samples),
    `${shown(Math.min(100, (100 * samples) / due), 2)} %`,
  ];
  const memory = (rss: number, most: number): string[] => [`${shown(rss)} MB`, `${shown(most)} MB`];
  return [
    [
      `gateway, ${intervalMs} ms`,
      ...arrived(result.samplesPerSecond),
      `${shown(result.cpuPercent, 2)} %`,
      ...memory(result.rssMb, result.mostRssMb),
      `${shown(result.latencyP50Ms, 1)} ms`,
      `${shown(result.latencyP99Ms, 1)} ms`,
      `${shown(result.latencyP50Ms - intervalMs / 2, 1)} ms`,
    ],
    [
      `bare modbus-serial loop, ${intervalMs} ms`,
      ...arrived(result.bareSamplesPerSecond),
      `${shown(result.bareCpuPercent, 2)} %`,
      ...memory(result.bareRssMb, result.bareMostRssMb),
      ...['-', '-', '-'],
    ],
  ];
}

/** Samples from the field to the LwM2M server by notification, next to a loop that only reads them. */
export async function benchSamples(extent: Extent): Promise<void> {
  const results: { readonly intervalMs: number; readonly figures: Figures }[] = [];
  for (const intervalMs of INTERVALS_MS)
    results.push({ intervalMs, figures: await measureInterval(intervalMs, extent) });
  const { rounds, seconds } = extent;
  console.log(
    [
      '',
      `${UNITS} units with ${POINTS.length} float32 values each behind one Modbus TCP connection; the LwM2M server observes`,
      `/<prefix>/10242/0 of each and counts the values in its notifications. After ${WARM_UP_MS / 1000} s, ${rounds} rounds of`,
      `${seconds} s, medians; both programs at the same time. Latency: from the change of a register to the notification.`,
      '',
      markdown([HEAD, ...results.flatMap(({ intervalMs, figures }) => rowsOf(intervalMs, figures))]),
      '',
      ...results.map(
        ({ intervalMs, figures: { cpuAbovePercent, overtaken } }) =>
          `At ${intervalMs} ms: CPU above the bare loop ${shown(cpuAbovePercent, 2)} % of a core; changes in the field that no notification told: ${overtaken}`,
      ),
    ].join('\n'),
  );
}
