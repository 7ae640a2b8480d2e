/** A record that the journal keeps. */
export interface JournalRecord {
  readonly id: number;
  readonly document: unknown;
}

/** Keeps JSON documents over a power loss, in their order. What it cannot keep it counts, and never throws. */
export interface Journal {
  /** What was appended before this start and not dropped, oldest first. To be asked once. */
  read(): readonly JournalRecord[];
  /** @returns the id by which the record is dropped */
  append(document: unknown): number;
  drop(id: number): void;
}

/** A journal that forgets everything when the process ends. */
export function createMemoryJournal(): Journal {
  let last = 0;
  return { read: () => [], append: () => ++last, drop() {} };
}
