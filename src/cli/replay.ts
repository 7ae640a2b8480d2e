import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import type { AdapterModule, Replay } from '../adapter/index.ts';
import { loadAdapters } from '../gateway/index.ts';
import { type Capture, readCapture } from './capture.ts';
import { untilEnded } from './ending.ts';
import { type FieldOptions, fieldHost, planField } from './field.ts';
import { EXIT, keysText, type Output } from './output.ts';
import { read } from './read.ts';

export interface ReplayCommand extends Omit<FieldOptions, 'config'> {
  readonly host?: string;
  readonly port?: number;
  /** What reading the profile has to bring; is written when it is not there. */
  readonly expect?: string;
}

type Replayer = NonNullable<NonNullable<AdapterModule['tools']>['replay']>;

function replayerOf(adapters: ReadonlyMap<string, AdapterModule>, { type }: Capture): Replayer | undefined {
  const adapter = [...adapters.values()].find(({ schemas }) => Object.hasOwn(schemas.connections, type));
  return adapter?.tools?.replay;
}

/** What a master reads of the replayed device, a line for each point. */
async function readings(
  { type, connection }: Replay,
  { device, profile = '', profiles, adapter }: ReplayCommand,
): Promise<string> {
  const lines: string[] = [];
  const isBytes = (line: string): boolean => line.startsWith('->') || line.startsWith('<-');
  const keys = Object.entries({ type, ...connection }).map(([key, value]) => `${key}: ${String(value)}`);
  await read(
    [],
    { device, profile, profiles, adapter, connection: keys.join(', ') },
    { print: (line) => lines.push(line), complain: (line) => lines.push(line) },
  );
  return `${lines.filter((line) => !isBytes(line)).join('\n')}\n`;
}

/** Holds what was read against what should have been; writes it down when nobody has said what it should be. */
async function compare(text: string, file: string, out: Output): Promise<number> {
  if (!existsSync(file)) {
    await writeFile(file, text);
    out.print(`${file} is written: from now on it is what must be read`);
    return EXIT.ok;
  }
  const [expected, got] = [(await readFile(file, 'utf8')).split('\n'), text.split('\n')];
  const wrong = Array.from({ length: Math.max(expected.length, got.length) }, (_, at) => at).filter(
    (at) => expected[at] !== got[at],
  );
  for (const at of wrong) {
    out.complain(`${file}:${at + 1}:1: ${got[at] ?? 'nothing'}, in place of ${expected[at] ?? 'nothing'}`);
  }
  if (wrong.length === 0) out.print(`as in ${file}`);
  return wrong.length === 0 ? EXIT.ok : EXIT.failed;
}

/**
 * `replay`: devices that answer as they did in a capture, until Ctrl-C; or, with a profile, one read of all its points
 * against them, which can be held against what came of it before.
 * @param until ends it, too
 */
export async function replay(
  file: string,
  options: ReplayCommand,
  out: Output,
  until?: AbortSignal,
): Promise<number> {
  const { connection, device, profiles, adapter, host, port, profile, expect } = options;
  const capture = await readCapture(file);
  const start = replayerOf(await loadAdapters(adapter), capture);
  if (start === undefined) {
    out.complain(`nobody can replay a capture of ${capture.type}`);
    return EXIT.failed;
  }
  const given =
    connection === undefined
      ? undefined
      : (await planField({ connection, device, profiles, adapter })).connection;
  const running = await start(capture.type, capture.frames, fieldHost(), {
    ...(given === undefined ? {} : { type: given.type }),
    settings: given?.settings ?? { host, port },
  });
  try {
    if (profile !== undefined) {
      const text = await readings(running, options);
      if (expect !== undefined) return await compare(text, expect, out);
      out.print(text.trimEnd());
      return EXIT.ok;
    }
    out.print(
      `${file} answers at ${keysText({ type: running.type, ...running.connection })}; Ctrl-C ends it`,
    );
    await untilEnded(until);
    const counts = Object.entries(running.statistics()).map(([name, value]) => `${name} ${value}`);
    out.print(counts.join(', '));
    return EXIT.ok;
  } finally {
    await running.close();
  }
}
