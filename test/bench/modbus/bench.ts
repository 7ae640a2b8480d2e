import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { socatAvailable, socatInstallLine } from '../../support/line.ts';
import { markdown, medians, shown } from '../figures.ts';
import type { Extent } from '../gateway.ts';
import { processUsage } from '../process-usage.ts';
import { wait } from '../scene.ts';
import { cpuPercent } from '../usage.ts';
import { bareLoop, gateway } from './gateway.ts';
import { installPeers } from './install.ts';
import { benchLines } from './line.ts';
import { LOADS, type ModbusLoad, silenceMs, TURNAROUND_MS } from './loads.ts';
import { nodeRed } from './node-red.ts';
import { openStage } from './stage.ts';
import type { Subject } from './subject.ts';
import { telegraf } from './telegraf.ts';
import { thingsBoard } from './thingsboard.ts';
import type { Watched } from './watched.ts';

export interface ModbusChoice {
  /** Bring the peers first. */
  readonly install: boolean;
  /** loads by name, and programs by a part of theirs, separated by commas; absent: all */
  readonly loads?: string | undefined;
  readonly programs?: string | undefined;
}

const SUBJECTS: readonly Subject[] = [gateway, bareLoop, telegraf, nodeRed, thingsBoard];

const LAST_WORDS = 400;

/** A type, not an interface, so that it is a record of numbers. */
type Figures = {
  readonly samplesPerSecond: number;
  readonly cpuPercent: number;
  readonly cpuUsPerSample: number;
  readonly rssMb: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  /** for all values of a device */
  readonly requestsPerCycle: number;
  /** share of the time that the line needs at least for what is on it */
  readonly lineBusy: number;
};

async function measure(subject: Subject, load: ModbusLoad, { seconds, rounds }: Extent): Promise<Figures> {
  const { stage, counts, close } = await openStage(load);
  const running = await subject.start(stage);
  // Whole cycles, so that each device counts as often.
  const ms = Math.ceil((seconds * 1000) / load.intervalMs) * load.intervalMs;
  try {
    await running.ready;
    await wait(load.warmUpMs);
    const results: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      const [before, countsBefore] = [processUsage(running.pid), await counts()];
      const watched = await running.upstream.ask<Watched>('watch', ms);
      const [after, countsAfter] = [processUsage(running.pid), await counts()];
      const { samples, latencyP50Ms, latencyP99Ms } = watched;
      if (samples === 0) throw new Error(`no value came in ${ms / 1000} s`);
      const answers = countsAfter.answers - countsBefore.answers;
      const fixedMs = load.baud === undefined ? 0 : TURNAROUND_MS + silenceMs(load.baud);
      const busyMs = countsAfter.busyMs - countsBefore.busyMs + answers * fixedMs;
      results.push({
        samplesPerSecond: samples / watched.seconds,
        cpuPercent: cpuPercent(before, after),
        cpuUsPerSample: (1000 * (after.cpuMs - before.cpuMs)) / samples,
        rssMb: after.rssMb,
        latencyP50Ms,
        latencyP99Ms,
        requestsPerCycle: (answers * load.addresses.length) / samples,
        lineBusy: busyMs / (1000 * watched.seconds),
      });
    }
    return medians(results);
  } catch (error) {
    throw new Error(`${messageOf(error)}${await lastWords(stage.folder)}`);
  } finally {
    await running.stop();
    await close();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the program wrote when it went wrong. */
async function lastWords(folder: string): Promise<string> {
  const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
  return log === '' ? '' : `; it said: ${log.trim().slice(-LAST_WORDS)}`;
}

const HEAD = [
  'program',
  'tells',
  'samples/s',
  'of those due',
  'CPU of a core',
  'CPU per sample',
  'RSS',
  'latency p50',
  'p99',
  'requests per cycle',
  'line busy',
];

/** What the living devices have to say. */
function duePerSecond({ devices, dead, addresses, intervalMs }: ModbusLoad): number {
  return ((devices - dead.length) * addresses.length * 1000) / intervalMs;
}

function rowOf({ name, tells }: Subject, load: ModbusLoad, figures: Figures): string[] {
  return [
    name,
    tells,
    shown(figures.samplesPerSecond),
    `${shown((100 * figures.samplesPerSecond) / duePerSecond(load), 1)} %`,
    `${shown(figures.cpuPercent, 1)} %`,
    `${shown(figures.cpuUsPerSample, 1)} us`,
    `${shown(figures.rssMb)} MB`,
    `${shown(figures.latencyP50Ms, 1)} ms`,
    `${shown(figures.latencyP99Ms, 1)} ms`,
    shown(figures.requestsPerCycle, 1),
    load.baud === undefined ? '-' : `${shown(100 * figures.lineBusy, 1)} %`,
  ];
}

async function benchLoad(load: ModbusLoad, subjects: readonly Subject[], extent: Extent): Promise<void> {
  const rows = [HEAD];
  for (const subject of subjects) {
    try {
      rows.push(rowOf(subject, load, await measure(subject, load, extent)));
    } catch (error) {
      const [what = ''] = messageOf(error).split(';');
      rows.push([subject.name, what, ...HEAD.slice(2).map(() => '-')]);
      console.log(`${subject.name}: ${messageOf(error)}`);
    }
  }
  console.log(`\n${load.title}\n\n${markdown(rows)}`);
}

function chosenBy(names: string | undefined): (name: string) => boolean {
  const chosen = names?.split(',');
  return (name) => chosen?.includes(name) ?? true;
}

/** Modbus as the whole gateway does it, next to what one would take instead; and how near it comes to the wire. */
export async function benchModbus({
  install,
  loads,
  programs,
  ...extent
}: Extent & ModbusChoice): Promise<void> {
  if (install) await installPeers();
  const isLoad = chosenBy(loads);
  const chosen = SUBJECTS.filter(({ name }) =>
    (programs?.split(',') ?? ['']).some((part) => name.includes(part)),
  );
  for (const { name, missing } of chosen) {
    const reason = missing();
    if (reason !== undefined)
      console.log(`skipped: ${name} (${reason}); npm run bench -- modbus --install brings what it can`);
  }
  const present = chosen.filter(({ missing }) => missing() === undefined);
  const hasLines = socatAvailable();
  if (!hasLines) console.log(`skipped: serial lines (${socatInstallLine})`);
  else if (isLoad('lines')) await benchLines();
  for (const load of LOADS)
    if (isLoad(load.name) && (hasLines || load.baud === undefined)) await benchLoad(load, present, extent);
}
