/** control: takes orders for the running gateway on a local socket. Knows no order by itself. */
export type { Arguments, Commands } from './protocol.ts';
export { askControl, type Control, openControl } from './socket.ts';
