import { freemem, totalmem } from 'node:os';
import type { ObjectDefinition, Value } from '../model/index.ts';
import { DONE, type InstanceSetup, type Outcome, type ResourceSetup } from '../tree/index.ts';

/** What the Device object says that does not come from the device itself. */
export interface DeviceSettings {
  readonly manufacturer?: string;
  readonly model?: string;
  readonly serialNumber?: string;
  readonly firmwareVersion?: string;
  readonly softwareVersion?: string;
}

/** /3/0/11 while all is well (OMA Core 1.2 E.4). */
export const NO_ERROR: ReadonlyMap<number, Value> = new Map([[0, 0]]);

function texts(settings: DeviceSettings): ResourceSetup[] {
  const byId: readonly [number, string | undefined][] = [
    [0, settings.manufacturer],
    [1, settings.model],
    [2, settings.serialNumber],
    [3, settings.firmwareVersion],
    [19, settings.softwareVersion],
  ];
  return byId.flatMap(([id, value]) => (value === undefined ? [] : [{ id, value }]));
}

/** The resources of object 3 that every device owes (OMA Core 1.2 E.4: 4, 11 and 16 are mandatory). */
export function mandatoryDeviceResources(
  reboot: () => Outcome,
  errorCodes: () => ReadonlyMap<number, Value> = () => NO_ERROR,
): ResourceSetup[] {
  return [
    { id: 4, execute: reboot },
    { id: 11, compute: errorCodes },
    { id: 16, value: 'U' },
  ];
}

/** Object 3 of the gateway itself. */
export function gatewayDeviceInstance(
  definition: ObjectDefinition,
  settings: DeviceSettings,
  ports: { readonly clock: { now(): number }; readonly restart: () => void },
): InstanceSetup {
  const reboot = (): Outcome => {
    ports.restart();
    return DONE;
  };
  return {
    definition,
    instance: 0,
    resources: [
      ...texts(settings),
      ...mandatoryDeviceResources(reboot),
      { id: 10, compute: () => Math.floor(freemem() / 1024) },
      { id: 13, compute: () => Math.floor(ports.clock.now() / 1000) },
      { id: 17, value: 'LwM2M gateway' },
      { id: 21, value: Math.floor(totalmem() / 1024) },
    ],
    // The clock of the box belongs to its operating system.
    write: () => ({
      status: 'not-allowed',
      message: 'the time of this device is set by its operating system',
    }),
  };
}
