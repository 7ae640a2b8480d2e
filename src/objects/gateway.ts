import type { ObjectDefinition } from '../model/index.ts';
import type { InstanceSetup } from '../tree/index.ts';

/** Object and resource ids of Object 25 v2.0 (Gateway TS 1.1). */
export const GATEWAY_OBJECT = 25;
export const GATEWAY_VERSION = '2.0';
export const IOT_DEVICE_OBJECTS = 3;

/** One IoT device behind the gateway. */
export interface EndDevice {
  readonly deviceId: string;
  readonly prefix: string;
  /** The device's objects and instances in link format, without the prefix. */
  readonly objects: () => string;
}

/** Object 25, one instance per device; nothing of it can be written. */
export function gatewayInstance(
  definition: ObjectDefinition,
  instance: number,
  device: EndDevice,
): InstanceSetup {
  return {
    definition,
    instance,
    resources: [
      { id: 0, value: device.deviceId },
      { id: 1, value: device.prefix },
      { id: IOT_DEVICE_OBJECTS, compute: device.objects },
    ],
  };
}
