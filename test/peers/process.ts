import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** How a peer's process ended. `code` is null when it was ended at the deadline (`timedOut`) or by a signal. */
export interface Finished {
  readonly code: number | null;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly deadlineMs: number;
  /** written to the standard input, which is then closed */
  readonly input?: string | Uint8Array;
}

export interface Running {
  /** what the `ready` pattern matched */
  readonly ready: RegExpExecArray;
  /** standard output and error so far, in the order they came; the oldest part is dropped beyond 256 KiB */
  output(): string;
  /** Until the output matches. Rejects with the output after `deadlineMs`, or when the process ends before. */
  waitFor(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray>;
  /** Ends it by SIGTERM, or by SIGKILL when that does not help. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** a line of the output that says that the peer is ready */
  readonly ready: RegExp;
  readonly deadlineMs: number;
  /** written to the standard input, which stays open */
  readonly input?: string;
}

const MAX_OUTPUT = 256 * 1024;
const GRACE_MS = 2_000;

/** Whether a command stands on the PATH. Looks at files only. */
export function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, command)));
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a command to its end, or ends it at the deadline. Rejects only when it cannot be started. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'pipe' });
    const forget = endWithUs(child);
    let timedOut = false;
    let stdout = '';
    let stderr = '';
    const deadline = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.deadlineMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.on('error', () => {}); // as in `start`
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => {
      clearTimeout(deadline);
      forget();
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(deadline);
      forget();
      resolve({ code, timedOut, stdout, stderr });
    });
  });
}

/** Starts a server and waits until it says that it is ready; rejects with its output when it ends or is late. */
export async function start(
  command: string,
  args: readonly string[],
  options: StartOptions,
): Promise<Running> {
  const child = spawn(command, args, { stdio: 'pipe' });
  const forget = endWithUs(child);
  let output = '';
  let end: string | undefined;
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of [...waiting]) look();
  };
  const hear = (text: string): void => {
    output = (output + text).slice(-MAX_OUTPUT);
    changed();
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  child.stdin.on('error', () => {}); // it may end before it has read its input
  child.stdin.write(options.input ?? '');
  child.once('error', (error) => {
    end = error.message;
    changed();
  });
  child.once('close', (code, signal) => {
    forget();
    end ??= `ended with ${signal ?? code}`;
    changed();
  });

  const waitFor = (pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const settle = (result: RegExpExecArray | string): void => {
        waiting.delete(look);
        clearTimeout(deadline);
        if (typeof result !== 'string') resolve(result);
        else reject(new Error(`${command}: ${result} before ${pattern}; its output was:\n${output}`));
      };
      const look = (): void => {
        const match = pattern.exec(output);
        if (match !== null) settle(match);
        else if (end !== undefined) settle(end);
      };
      const deadline = setTimeout(() => settle(`${deadlineMs} ms passed`), deadlineMs);
      waiting.add(look);
      look();
    });

  try {
    const ready = await waitFor(options.ready, options.deadlineMs);
    return { ready, output: () => output, waitFor, stop: () => stop(child) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** A UDP port on the loopback interface that nobody has now. Someone may take it before it is used. */
export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** A peer must not outlive the test run. @returns ends the care for one that has ended by itself */
export function endWithUs(child: ChildProcess): () => void {
  const end = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', end);
  return () => process.off('exit', end);
}

/** Ends a process by SIGTERM, or by SIGKILL when that does not help within `graceMs`. */
export function stop(child: ChildProcess, graceMs = GRACE_MS): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
    child.once('close', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
