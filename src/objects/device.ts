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
    // UDP and TCP; which one an account uses stands in /1/x/7.
    { id: 16, value: 'UT' },
  ];
}

/** What object 3 of the gateway can do to the box. Each begins after the answer. */
export interface BoxPorts {
  readonly clock: { now(): number };
  restart(): void;
  /** Forgets what servers and bootstraps have set, and restarts. */
  readonly resetToFactory?: () => void;
  /** Absent: servers cannot set the clock. @param seconds since 1970 */
  readonly setTime?: (seconds: number) => Promise<Outcome>;
}

const CURRENT_TIME = 13;

/** `+01:00`, as ISO 8601 has it. @param minutes west of UTC, as JavaScript counts */
export function utcOffset(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${minutes > 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Object 3 of the gateway itself. */
export function gatewayDeviceInstance(
  definition: ObjectDefinition,
  settings: DeviceSettings,
  ports: BoxPorts,
): InstanceSetup {
  const { clock, resetToFactory, setTime } = ports;
  const reboot = (): Outcome => {
    ports.restart();
    return DONE;
  };
  const factoryReset: ResourceSetup[] =
    resetToFactory === undefined
      ? []
      : [
          {
            id: 5,
            execute: () => {
              resetToFactory();
              return DONE;
            },
          },
        ];
  // Asking for it takes longer than all the rest of a read, and a process keeps the one that it began with.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return {
    definition,
    instance: 0,
    resources: [
      ...texts(settings),
      ...mandatoryDeviceResources(reboot),
      { id: 10, compute: () => Math.floor(freemem() / 1024) },
      ...factoryReset,
      { id: CURRENT_TIME, compute: () => Math.floor(clock.now() / 1000) },
      { id: 14, compute: () => utcOffset(new Date(clock.now()).getTimezoneOffset()) },
      { id: 15, compute: () => timeZone },
      { id: 17, value: 'LwM2M gateway' },
      { id: 21, value: Math.floor(totalmem() / 1024) },
    ],
    check({ values }) {
      const isTimeOnly = [...values.keys()].every((id) => id === CURRENT_TIME);
      return isTimeOnly && (values.size === 0 || setTime !== undefined)
        ? undefined
        : { status: 'not-allowed', message: 'time and zone of this box are set by its operating system' };
    },
    write({ values }) {
      const seconds = values.get(CURRENT_TIME);
      return typeof seconds === 'number' && setTime !== undefined ? setTime(seconds) : DONE;
    },
  };
}
