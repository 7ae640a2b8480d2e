/** objects: LwM2M objects with behaviour, one file each. Knows no server connection and no field. */
export type { DeviceSettings } from './device.ts';
export { gatewayDeviceInstance, mandatoryDeviceResources, NO_ERROR } from './device.ts';
export type { EndDevice } from './gateway.ts';
export { GATEWAY_OBJECT, GATEWAY_VERSION, gatewayInstance, IOT_DEVICE_OBJECTS } from './gateway.ts';
export { SECURITY_MODES, SECURITY_RESOURCES } from './security.ts';
export type { ServerActions, ServerSettings } from './server.ts';
export { SERVER_RESOURCES, serverInstance, serverValues } from './server.ts';
