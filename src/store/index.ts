/** store: durable state, written whole or not at all. Knows nothing of what it keeps. */
export type { StateFile } from './state-file.ts';
export { openStateFile } from './state-file.ts';
