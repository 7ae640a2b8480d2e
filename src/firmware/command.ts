import { spawn } from 'node:child_process';

/** A program with its arguments; no shell takes part. */
export type Command = readonly [program: string, ...given: string[]];

export interface Exit {
  /** undefined: it could not be started, or was killed */
  readonly code: number | undefined;
  /** What it wrote at the end, for people. */
  readonly lastWords: string;
}

const LAST_WORDS = 500;

/**
 * Runs a program to its end, or kills it after `deadlineMs`. Never rejects.
 * @param more appended to its arguments
 */
export function runCommand(
  [program, ...given]: Command,
  more: readonly string[],
  deadlineMs: number,
): Promise<Exit> {
  return new Promise((resolve) => {
    let lastWords = '';
    const child = spawn(program, [...given, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        lastWords = (lastWords + text).slice(-LAST_WORDS);
      });
    }
    child.once('error', (error) => resolve({ code: undefined, lastWords: error.message }));
    child.once('close', (code) => resolve({ code: code ?? undefined, lastWords: lastWords.trim() }));
  });
}
