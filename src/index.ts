/** lwm2m-gateway as a library: plan a configuration, run a gateway. */
export type { Fault, GatewayConfig, Loaded } from './config/index.ts';
export { formatFault, loadConfig } from './config/index.ts';
export { loadAdapters } from './gateway/index.ts';
export { VERSION } from './version.ts';
export type { Gateway, GatewayPorts, GatewayStatus, Plan } from './wire/index.ts';
export { createGateway, planGateway } from './wire/index.ts';
