/** firmware: brings packages onto the disk, checks and installs them by commands. Knows no LwM2M object. */
export { coapFetch } from './coap.ts';
export type { Command, Exit } from './command.ts';
export { runCommand } from './command.ts';
export type { Fetch, Fetched, Take } from './fetch.ts';
export { PROTOCOLS, reachOf } from './fetch.ts';
export { httpFetch } from './http.ts';
export type { Staging, StagingFault, StagingFile, StagingLimits } from './staging.ts';
export { openStaging } from './staging.ts';
