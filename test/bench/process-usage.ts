import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Usage } from './usage.ts';

/** What any process uses, with those that it started; by the figures of Linux. */

/** Ticks of `/proc` in a second: the same on every Linux that Node runs on. */
const TICKS = 100;

function children(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) => {
    const line = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim();
    return line === '' ? [] : line.split(' ').map(Number);
  });
}

function ownUsage(pid: number): Pick<Usage, 'cpuMs' | 'rssMb' | 'mostRssMb'> {
  // Behind the name, which may hold anything: state is the first, user and system time the 12th and 13th.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (key: string): number =>
    (1024 * Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)) / 1e6;
  return {
    cpuMs: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS,
    rssMb: megabytes('VmRSS'),
    mostRssMb: megabytes('VmHWM'),
  };
}

/** @throws Error when the process has ended */
export function processUsage(pid: number): Usage {
  const { cpuMs, rssMb, mostRssMb } = ownUsage(pid);
  const all = children(pid).map(processUsage);
  const sum = (key: 'cpuMs' | 'rssMb' | 'mostRssMb', own: number): number =>
    all.reduce((total, one) => total + one[key], own);
  return {
    atMs: performance.now(),
    cpuMs: sum('cpuMs', cpuMs),
    rssMb: sum('rssMb', rssMb),
    mostRssMb: sum('mostRssMb', mostRssMb),
  };
}

/** What a program uses that we started; NaN where nobody says it. */
export function programUsage({ pid }: ChildProcess): Usage {
  const atMs = performance.now();
  return process.platform === 'linux' && pid !== undefined
    ? processUsage(pid)
    : { atMs, cpuMs: Number.NaN, rssMb: Number.NaN, mostRssMb: Number.NaN };
}
