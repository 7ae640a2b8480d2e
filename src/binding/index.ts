/** binding: LwM2M over CoAP. The only room that knows both; decides nothing about either. */
export type { ServerAddress } from './association.ts';
export { transmitWaitMs } from './association.ts';
export { openBootstrapUplink } from './bootstrap.ts';
export type { BindingPorts } from './ports.ts';
export type { Resumption } from './secure-link.ts';
export { openCoapUplink } from './uplink.ts';
