import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Finished, run } from '../peers/process.ts';
import { eventually } from './site.ts';

/** What `npm run build` makes; `npm test` does that first. */
const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

/** Runs a command of the program to its end. */
export function command(...args: readonly string[]): Promise<Finished> {
  return run(process.execPath, [MAIN, ...args], { deadlineMs: 10_000 });
}

/** The program as a process of its own, as a box runs it. */
export interface Process {
  readonly pid: number;
  /** What it has printed. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<{ readonly code: number | null; readonly afterMs: number }>;
}

/**
 * Starts `run <config>` and waits until it says that it has started.
 * `afterMs` of its end counts from the last signal.
 */
export async function startProcess(config: string): Promise<Process> {
  const child = spawn(process.execPath, [MAIN, 'run', config], { stdio: 'pipe' });
  const end = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', end);
  let output = '';
  let signalledAt = performance.now();
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'close').then(([code]) => {
    hasEnded = true;
    process.off('exit', end);
    return { code: code as number | null, afterMs: performance.now() - signalledAt };
  });
  const hasStarted = (): boolean => {
    if (hasEnded) throw new Error(`it has ended: ${output}`);
    return output.includes('started:');
  };
  await eventually(hasStarted, 10_000);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    kill(signal) {
      signalledAt = performance.now();
      child.kill(signal);
    },
    exited,
  };
}
