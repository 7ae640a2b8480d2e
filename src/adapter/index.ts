/** adapter: the contract with field protocols, and nothing that runs but its error type. */
export type { Cancel, Clock, Logger, Timers } from '../base/index.ts';
export { createTimers, GatewayError } from '../base/index.ts';
export type { Quality } from '../model/index.ts';
export type * from './contract.ts';
