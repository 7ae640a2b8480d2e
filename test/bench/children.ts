import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stop } from '../peers/process.ts';

/**
 * Processes of a bench. Each part has one of its own, so that what it uses of the machine is its own, and answers
 * questions of the process that started it.
 */

/** Answers by question; what comes back travels as JSON. */
export type Answers = Readonly<Record<string, (argument: never) => unknown>>;

interface Question {
  readonly id: number;
  readonly question: string;
  readonly argument: unknown;
}

type Reply = { readonly id: number } & ({ readonly answer: unknown } | { readonly problem: string });

/** Called in the child: answers what the parent asks. Does not keep the process alive by itself. */
export function answerParent(answers: Answers): void {
  process.on('message', async ({ id, question, argument }: Question) => {
    const answer = answers[question];
    if (answer === undefined) return;
    try {
      process.send?.({ id, answer: await answer(argument as never) });
    } catch (error) {
      process.send?.({ id, problem: String(error) });
    }
  });
  process.channel?.unref();
}

export interface Child {
  readonly pid: number;
  /** @throws Error when the child fails, or ends before it has answered */
  ask<T>(question: string, argument?: unknown): Promise<T>;
  /** Settles when it ends, for whatever reason. */
  readonly ended: Promise<void>;
  /** Tells it to end, and waits until it has. */
  stop(): Promise<void>;
}

const PATIENCE_MS = 10_000;

/** A file of `roles`, as a process. */
export function startRole(name: string, args: readonly string[] = []): Child {
  return startProgram(roleUrl(name), args, []);
}

export function roleUrl(name: string): URL {
  return new URL(`roles/${name}.js`, import.meta.url);
}

/** @param nodeOptions for the runtime itself */
export function startProgram(program: URL, args: readonly string[], nodeOptions: readonly string[]): Child {
  const child = fork(fileURLToPath(program), args, {
    execArgv: [...nodeOptions],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  child.on('message', (reply: Reply) => {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('problem' in reply) asked?.reject(new Error(reply.problem));
    else asked?.resolve(reply.answer);
  });
  child.on('exit', (code) => {
    for (const { reject } of waiting.values())
      reject(new Error(`${program.pathname} ended with exit code ${code}`));
    waiting.clear();
  });
  return {
    pid: child.pid ?? 0,
    ended: new Promise((resolve) => child.once('exit', () => resolve())),
    ask<T>(question: string, argument?: unknown): Promise<T> {
      const id = ++lastId;
      return new Promise<T>((resolve, reject) => {
        waiting.set(id, { resolve: (answer) => resolve(answer as T), reject });
        child.send({ id, question, argument } satisfies Question);
      });
    },
    stop: () => end(child),
  };
}

/** Ends a process, if need be by force. */
export function end(child: ChildProcess): Promise<void> {
  return stop(child, PATIENCE_MS);
}
