/** base: errors with codes, clock, timers, back-off, signals, logger. Knows nothing of LwM2M. */
export type { Backoff } from './backoff.ts';
export { backoffDelay } from './backoff.ts';
export { Chain, ChainMember } from './chain.ts';
export type { Cancel, Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export type { ErrorDetail } from './errors.ts';
export { GatewayError, isGatewayError, messageOf } from './errors.ts';
export type { Logger, LogLevel } from './log.ts';
export { createLogger, overheard, silentLogger } from './log.ts';
export { systemRandom } from './random.ts';
export type { Signal } from './signal.ts';
export { createSignal } from './signal.ts';
export type { Timers } from './timers.ts';
export { createTimers } from './timers.ts';
