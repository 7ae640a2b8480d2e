import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, messageOf, type Timers } from '../base/index.ts';
import { formatLine, readLines } from './journal-line.ts';

export interface JournalOptions {
  readonly folder: string;
  /** Bytes on disk at most; the oldest records go first. */
  readonly mostBytes?: number;
  /** A file is closed when it has so many bytes. */
  readonly segmentBytes?: number;
  /** What was appended is on disk after so long at most: this much is lost when the power is cut. */
  readonly syncMs?: number;
}

export interface JournalPorts {
  readonly timers: Timers;
  readonly log: Logger;
}

/** What a journal has seen since it was opened. */
export interface JournalStatistics {
  /** lines that a power cut has torn or a disk has spoilt */
  readonly damaged: number;
  /** records that had to make room */
  readonly forced: number;
  /** records that could not be written */
  readonly unwritten: number;
  /** now: on disk */
  readonly bytes: number;
}

/** JSON documents that survive a power loss, in their order. Never throws: what cannot be kept is counted. */
export interface FileJournal {
  /** What was appended before this start and not dropped, oldest first. To be asked once. */
  read(): readonly { readonly id: number; readonly document: unknown }[];
  /** @returns the id by which the record is dropped */
  append(document: unknown): number;
  drop(id: number): void;
  readonly statistics: JournalStatistics;
  /** Writes what waits. */
  close(): Promise<void>;
}

/** A file of the journal. Only the newest is written to. */
interface Segment {
  readonly number: number;
  readonly path: string;
  bytes: number;
  /** Records in it that are still needed. */
  readonly live: Set<number>;
}

const DEFAULTS = { mostBytes: 64 << 20, segmentBytes: 1 << 20, syncMs: 1000 };

/** What waits to be written at most, e.g. while a disk hangs. */
const MOST_PENDING_BYTES = 8 << 20;

const NAME = /^(\d{8})\.journal$/;
const nameOf = (number: number): string => `${String(number).padStart(8, '0')}.journal`;

/**
 * A journal of append-only files. A restart never writes to an old file, so what a power cut has torn stays at the end
 * of it. Files go from the oldest on, when nothing in them is needed: later ones say what of earlier ones is dropped.
 */
export function openJournal(options: JournalOptions, { timers, log }: JournalPorts): FileJournal {
  const { folder, mostBytes, segmentBytes, syncMs } = { ...DEFAULTS, ...options };
  const segments: Segment[] = [];
  const segmentOf = new Map<number, Segment>();
  const found = new Map<number, unknown>();
  let lastId = 0;
  let damaged = 0;
  let forced = 0;
  let unwritten = 0;
  /** Lines to write: records by their id, and what is not needed any more. */
  const appended = new Map<number, string>();
  let dropped: string[] = [];
  let pendingBytes = 0;
  let handle: FileHandle | undefined;
  let work: Promise<void> = Promise.resolve();
  let isScheduled = false;

  const total = (): number => segments.reduce((sum, { bytes }) => sum + bytes, 0);

  const addSegment = (number: number, bytes: number): Segment => {
    const segment = { number, path: join(folder, nameOf(number)), bytes, live: new Set<number>() };
    segments.push(segment);
    return segment;
  };

  const forget = (id: number): void => {
    segmentOf.get(id)?.live.delete(id);
    segmentOf.delete(id);
  };

  const keep = (id: number, segment: Segment): void => {
    segmentOf.set(id, segment);
    segment.live.add(id);
  };

  const load = (number: number): void => {
    const path = join(folder, nameOf(number));
    const { size } = statSync(path);
    const segment = addSegment(number, size);
    // Nothing of ours is so large; what is there cannot be trusted with our memory.
    if (size > mostBytes + segmentBytes) {
      damaged++;
      return;
    }
    const { lines, damaged: bad } = readLines(readFileSync(path, 'utf8'));
    damaged += bad;
    for (const { id, document } of lines) {
      lastId = Math.max(lastId, id);
      forget(id);
      if (document === undefined) {
        found.delete(id);
        continue;
      }
      found.set(id, document);
      keep(id, segment);
    }
  };

  const loadAll = (): void => {
    try {
      mkdirSync(folder, { recursive: true });
      const numbers = readdirSync(folder).flatMap((name) => NAME.exec(name)?.[1] ?? []);
      for (const number of numbers.map(Number).sort((a, b) => a - b)) load(number);
    } catch (error) {
      log.error({ folder, problem: messageOf(error) }, 'a journal cannot be read');
      damaged++;
    }
    if (damaged > 0) log.warn({ folder, damaged }, 'a journal has damaged records');
  };

  const openNext = async (): Promise<FileHandle> => {
    const { number, path } = addSegment((segments.at(-1)?.number ?? 0) + 1, 0);
    await mkdir(folder, { recursive: true });
    const opened = await open(path, 'a', 0o600);
    // The new name itself is only durable once its folder is.
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
    log.debug({ folder, number }, 'journal segment opened');
    return opened;
  };

  const closeSegment = async (): Promise<void> => {
    const open = handle;
    handle = undefined;
    await open?.close();
  };

  /** Takes away the oldest files: those that nobody needs, and when there are too many bytes those that somebody does. */
  const clean = async (): Promise<void> => {
    for (let oldest = segments[0]; oldest !== undefined && segments.length > 1; oldest = segments[0]) {
      if (oldest.live.size > 0 && total() <= mostBytes) return;
      forced += oldest.live.size;
      for (const id of [...oldest.live]) forget(id);
      segments.shift();
      await unlink(oldest.path);
    }
  };

  /** What waits, from now on the business of this segment. */
  const take = (segment: Segment): string => {
    const text = [...appended.values(), ...dropped].join('');
    for (const id of appended.keys()) keep(id, segment);
    clearPending();
    return text;
  };

  const clearPending = (): number => {
    const lines = appended.size + dropped.length;
    appended.clear();
    dropped = [];
    pendingBytes = 0;
    return lines;
  };

  const write = async (): Promise<void> => {
    handle ??= await openNext();
    const segment = segments.at(-1);
    if (segment === undefined) return;
    const bytes = Buffer.from(take(segment));
    await handle.appendFile(bytes);
    await handle.datasync();
    segment.bytes += bytes.length;
    if (segment.bytes >= segmentBytes) await closeSegment();
    await clean();
  };

  const flush = async (): Promise<void> => {
    isScheduled = false;
    const lines = appended.size + dropped.length;
    if (lines === 0) return;
    try {
      await write();
    } catch (error) {
      unwritten += Math.max(lines, clearPending());
      log.error({ folder, problem: messageOf(error) }, 'a journal cannot be written');
      // Half a line may stand at its end.
      await closeSegment().catch(() => {});
    }
  };

  /** @returns false if too much waits already */
  const schedule = (line: string): boolean => {
    if (pendingBytes + line.length > MOST_PENDING_BYTES) {
      unwritten++;
      return false;
    }
    pendingBytes += line.length;
    if (isScheduled) return true;
    isScheduled = true;
    timers.after(syncMs, () => {
      work = work.then(flush);
    });
    return true;
  };

  loadAll();

  return {
    read() {
      const records = [...found].map(([id, document]) => ({ id, document })).sort((a, b) => a.id - b.id);
      found.clear();
      return records;
    },
    append(document) {
      const id = ++lastId;
      const line = formatLine({ id, document });
      if (schedule(line)) appended.set(id, line);
      return id;
    },
    drop(id) {
      // What was not written yet need not be, and what had to make room is gone.
      if (appended.delete(id) || !segmentOf.has(id)) return;
      const line = formatLine({ id });
      if (schedule(line)) dropped.push(line);
      forget(id);
    },
    get statistics() {
      return { damaged, forced, unwritten, bytes: total() };
    },
    async close() {
      work = work.then(flush);
      await work;
      await closeSegment().catch(() => {});
    },
  };
}
