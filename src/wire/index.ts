/** wire: builds the program out of all rooms, and changes it while it runs. The only composition root; no rule of any room. */
export type { ServerName } from './connect.ts';
export { knownServers, tryBootstrap, tryServer } from './connect.ts';
export type { Gateway, GatewayPorts, GatewayStatus, Reloaded, Sent } from './gateway.ts';
export { createGateway } from './gateway.ts';
export type { Plan, PlannedDevice, SenseFault } from './plan.ts';
export { planGateway } from './plan.ts';
