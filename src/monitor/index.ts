/** monitor: shows snapshots of the running gateway on a local socket. Changes nothing. */
export type { Monitor } from './socket.ts';
export { askMonitor, openMonitor } from './socket.ts';
