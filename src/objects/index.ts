/** objects: LwM2M objects with behaviour, one file each. Knows no server connection and no field. */
export type { AccessControl, Right } from './access-control.ts';
export {
  ACCESS_CONTROL_OBJECT,
  accessControlOf,
  accessControlValues,
  FULL_RIGHTS,
  NO_SERVER,
  RIGHT,
  readAccessControls,
  WHOLE_OBJECT,
  withoutServer,
} from './access-control.ts';
export type { AccessControls, AccessKeeper, ServerAccess } from './access-keeper.ts';
export { createAccessKeeper } from './access-keeper.ts';
export { connectivityInstance } from './connectivity.ts';
export type { ConnectivityStatistics } from './connectivity-statistics.ts';
export { COLLECTION_PERIOD, createConnectivityStatistics } from './connectivity-statistics.ts';
export type { BoxPorts, DeviceSettings } from './device.ts';
export { gatewayDeviceInstance, mandatoryDeviceResources, NO_ERROR } from './device.ts';
export type { EventLog, LogRecord } from './event-log.ts';
export { createEventLog } from './event-log.ts';
export type {
  FirmwarePorts,
  FirmwareUpdate,
  PackageWriter,
  RememberedFirmware,
} from './firmware.ts';
export { createFirmwareUpdate, readRememberedFirmware } from './firmware.ts';
export type { DownloadFailure, InstallFailure } from './firmware-machine.ts';
export type { EndDevice } from './gateway.ts';
export { GATEWAY_OBJECT, GATEWAY_VERSION, gatewayInstance, IOT_DEVICE_OBJECTS } from './gateway.ts';
export { heldValues } from './held.ts';
export type { Place } from './location.ts';
export { locationInstance } from './location.ts';
export { SECURITY_MODES, SECURITY_RESOURCES } from './security.ts';
export type { ServerActions, ServerSettings } from './server.ts';
export { isShownOfServer, SERVER_RESOURCES, serverInstance, serverValues } from './server.ts';
export { storedInstance, storedObject, storeFault } from './stored.ts';
