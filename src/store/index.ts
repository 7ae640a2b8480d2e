/** store: durable state: documents written whole or not at all, and a journal. Knows nothing of what it keeps. */

export type { FileJournal, JournalOptions, JournalPorts, JournalStatistics } from './journal.ts';
export { openJournal } from './journal.ts';
export type { StateFile } from './state-file.ts';
export { openStateFile } from './state-file.ts';
