/** adapter: the contract with field protocols and the few building blocks of `base` that they need. Knows no protocol. */
export type { Backoff, Cancel, Clock, Logger, Signal, Timers } from '../base/index.ts';
export { backoffDelay, createSignal, createTimers, GatewayError } from '../base/index.ts';
export type { Quality } from '../model/index.ts';
export type * from './contract.ts';
export { durationMs, durationSchema } from './duration.ts';
export type * from './module.ts';
export type * from './tools.ts';
