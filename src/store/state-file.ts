import { readFileSync, renameSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError, messageOf } from '../base/index.ts';

/** A small JSON document that survives power loss. */
export interface StateFile {
  /** What was saved last; undefined when nothing ever was. @throws GatewayError `store.unreadable` */
  load(): unknown;
  /**
   * Saves all of it or nothing: written beside, synced, renamed (POSIX rename is atomic). Calls are done in order.
   * @throws GatewayError `store.unwritable`
   */
  save(document: unknown): Promise<void>;
  /** Puts what is there aside, as `<file>.damaged`, for people to look at. */
  setAside(): void;
}

/** What may be read at most, and so what is written; more than ten thousand identities. */
const LARGEST_CHARACTERS = 16 * 1024 * 1024;

async function replaceFile(file: string, text: string): Promise<void> {
  const beside = `${file}.new`;
  await mkdir(dirname(file), { recursive: true });
  const handle = await open(beside, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
  // The new name itself is only durable once its folder is.
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function openStateFile(file: string): StateFile {
  let last: Promise<void> = Promise.resolve();
  return {
    load() {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw new GatewayError('store.unreadable', `${file}: ${messageOf(error)}`, { cause: error });
      }
      try {
        if (text.length <= LARGEST_CHARACTERS) return JSON.parse(text);
      } catch {
        // What JSON.parse says quotes the file, which may hold keys.
        throw new GatewayError('store.unreadable', `${file} is damaged: it is no JSON`);
      }
      throw new GatewayError('store.unreadable', `${file} is damaged: it is too large`);
    },
    save(document) {
      const text = `${JSON.stringify(document, null, 2)}\n`;
      const saved = last
        .catch(() => {})
        .then(() => {
          if (text.length > LARGEST_CHARACTERS) throw new RangeError('it is too large');
          return replaceFile(file, text);
        })
        .catch((error: unknown) => {
          throw new GatewayError('store.unwritable', `${file}: ${messageOf(error)}`, { cause: error });
        });
      last = saved;
      return saved;
    },
    setAside() {
      try {
        renameSync(file, `${file}.damaged`);
      } catch {
        // What cannot be moved is in nobody's way: the next save takes its place.
      }
    },
  };
}
