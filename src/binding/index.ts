/** binding: LwM2M over CoAP. The only room that knows both; decides nothing about either. */
export type { BindingPorts, ServerAddress } from './uplink.ts';
export { openCoapUplink } from './uplink.ts';
