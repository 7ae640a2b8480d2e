import { crc32 } from 'node:zlib';

/** What one line of a journal says: a record, or that one is not needed any more. */
export type JournalLine =
  | { readonly id: number; readonly document: unknown }
  | { readonly id: number; readonly document?: undefined };

const CHECKSUM_LENGTH = 8;

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CHECKSUM_LENGTH, '0');
}

/** A line with its checksum, so that a torn or damaged one is known. */
export function formatLine({ id, document }: JournalLine): string {
  const text = JSON.stringify(document === undefined ? [id] : [id, document]);
  return `${checksum(text)} ${text}\n`;
}

/** Undefined for a line that is damaged. @param line without its end */
export function parseLine(line: string): JournalLine | undefined {
  const text = line.slice(CHECKSUM_LENGTH + 1);
  if (line[CHECKSUM_LENGTH] !== ' ' || line.slice(0, CHECKSUM_LENGTH) !== checksum(text)) return undefined;
  // What has its checksum was written by us, but maybe by another version.
  const [id, document] = readArray(text);
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) return undefined;
  return document === undefined ? { id } : { id, document };
}

function readArray(text: string): readonly unknown[] {
  try {
    const read: unknown = JSON.parse(text);
    return Array.isArray(read) ? read : [];
  } catch {
    return [];
  }
}

/** All sound lines, and how many are not; a last line without an end is one that a power cut has torn. */
export function readLines(text: string): {
  readonly lines: readonly JournalLine[];
  readonly damaged: number;
} {
  const parts = text.split('\n');
  const torn = parts.pop() !== '';
  const lines = parts.map(parseLine).filter((line) => line !== undefined);
  return { lines, damaged: parts.length - lines.length + (torn ? 1 : 0) };
}
