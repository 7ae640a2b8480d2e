import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { markdown, shown } from '../bench/figures.ts';
import { BLOCK_FAULTS, transferBlocks } from './blocks.ts';
import { FUZZ_FAULTS, fuzz } from './fuzz.ts';
import { DATAGRAMS, STREAMS } from './fuzz-carriers.ts';
import { loseInMemory, loseOnSockets } from './loss.ts';
import { MODBUS_SOAK_FAULTS, soakModbus } from './modbus-soak.ts';
import { SOAK_FAULTS, soak } from './soak.ts';
import { TRANSFER_FAULTS } from './transfers.ts';
import { WEEK_FAULTS, week } from './week.ts';

/** One thing that a proof counted. */
interface Count {
  readonly what: string;
  readonly count: number;
  /** absent: nothing is demanded */
  readonly isFine?: boolean;
}

interface Extent {
  /** of whatever the proof is about */
  readonly count: number | undefined;
  readonly seed: number;
}

/** Pairs of sockets that transfer at the same time. */
const PROXIES = 32;

/** Proofs that take too long for every test run; the tests perform the same, shorter. */
const PROOFS: Readonly<Record<string, (extent: Extent) => Promise<readonly Count[]>>> = {
  loss: async ({ count = 10_000, seed }) => tableOf(await loseInMemory(count, seed), TRANSFER_FAULTS),
  'loss-sockets': async ({ count = 10_000, seed }) =>
    tableOf(await loseOnSockets(count, PROXIES, seed), TRANSFER_FAULTS),
  blocks: async ({ count = 2 ** 20 }) => tableOf(await transferBlocks(count), BLOCK_FAULTS),
  soak: async ({ count = 600 }) => tableOf(await soak(count), SOAK_FAULTS),
  week: async ({ count = 7, seed }) => tableOf(await week(count, seed), WEEK_FAULTS),
  'modbus-soak': async ({ count = 1_000_000, seed }) =>
    tableOf(await soakModbus(count, seed), MODBUS_SOAK_FAULTS),
  fuzz: async ({ count = 5_000_000, seed }) => tableOf(await fuzz(DATAGRAMS, count, seed), FUZZ_FAULTS),
  'fuzz-streams': async ({ count = 5_000_000, seed }) =>
    tableOf(await fuzz(STREAMS, count, seed), FUZZ_FAULTS),
};

/** @param faults what must be 0 */
function tableOf<T extends { readonly [name in keyof T]: number }>(
  counts: T,
  faults: readonly (keyof T)[],
): Count[] {
  return (Object.keys(counts) as (keyof T & string)[]).map((what) => ({
    what,
    count: counts[what],
    ...(faults.includes(what) && { isFine: counts[what] === 0 }),
  }));
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const [name = ''] = positionals;
const prove = PROOFS[name];
if (prove === undefined) {
  console.error(`there is no proof ${name}; there are ${Object.keys(PROOFS).join(', ')}`);
  process.exitCode = 1;
} else {
  const [{ model } = { model: 'unknown processor' }] = cpus();
  const started = performance.now();
  const counts = await prove({
    count: values.count === undefined ? undefined : Number(values.count),
    seed: Number(values.seed),
  });
  const seconds = (performance.now() - started) / 1000;
  console.log(`${name}, seed ${values.seed}: ${shown(seconds)} s on ${model}, Node ${process.version}\n`);
  const rows = counts.map(({ what, count, isFine }) => [
    what,
    shown(count),
    isFine === undefined ? '' : isFine ? 'as it must be' : 'WRONG',
  ]);
  console.log(markdown([['what', 'count', ''], ...rows]));
  if (counts.some(({ isFine }) => isFine === false)) process.exitCode = 1;
}
