import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithUs, stop } from './process.ts';

/** A peer that answers each line of JSON by one line of JSON. */
export interface Dialogue {
  /** Rejects when the peer ends, or has not answered after `deadlineMs`. */
  ask(question: unknown, deadlineMs?: number): Promise<unknown>;
  stop(): Promise<void>;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

const MAX_COMPLAINTS = 4096;

export function converse(command: string, args: readonly string[]): Dialogue {
  const child = spawn(command, args, { stdio: 'pipe' });
  const forget = endWithUs(child);
  /** In the order of their questions. */
  const waiting: Waiting[] = [];
  let complaints = '';
  let end: Error | undefined;

  const finish = (why: string): void => {
    end ??= new Error(`${command}: ${why}\n${complaints}`);
    for (const { reject } of waiting.splice(0)) reject(end);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      waiting.shift()?.resolve(JSON.parse(line));
    } catch {
      finish(`it said ${line.slice(0, 200)}`);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-MAX_COMPLAINTS);
  });
  child.stdin.on('error', () => {}); // it may end before it has read its input
  child.once('error', (error) => finish(error.message));
  child.once('close', (code, signal) => {
    forget();
    finish(`ended with ${signal ?? code}`);
  });

  return {
    ask(question, deadlineMs = 20_000) {
      if (end !== undefined) return Promise.reject(end);
      return new Promise((resolve, reject) => {
        const deadline = setTimeout(() => {
          finish(`no answer within ${deadlineMs} ms`);
          child.kill('SIGKILL');
        }, deadlineMs);
        const settled = (): void => clearTimeout(deadline);
        waiting.push({
          resolve: (answer) => {
            settled();
            resolve(answer);
          },
          reject: (error) => {
            settled();
            reject(error);
          },
        });
        child.stdin.write(`${JSON.stringify(question)}\n`);
      });
    },
    stop: () => stop(child),
  };
}
