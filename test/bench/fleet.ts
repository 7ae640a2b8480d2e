import { writeFiles } from './site-files.ts';

/** The devices of the client bench: simulated by the adapter `sim`, each with 30 values that change at every poll. */

export const INTERVAL_MS = 10_000;

/** Of object 10242, all that measures and has no range: the first phase, which the others follow by tens. */
const PHASE: readonly (readonly [resource: number, unit: string])[] = [
  [4, 'V'],
  [5, 'A'],
  [6, 'kW'],
  [7, 'kvar'],
  [8, 'kvar'],
  [9, 'kvar'],
  [10, 'kVA'],
  [12, '/100'],
  [13, '/100'],
];
const TOTALS: typeof PHASE = [
  [34, 'kW'],
  [35, 'kvar'],
  [38, 'kVA'],
];
const POINTS = [
  ...[0, 10, 20].flatMap((first) => PHASE.map(([resource, unit]) => [first + resource, unit] as const)),
  ...TOTALS,
];
export const RESOURCES: readonly number[] = POINTS.map(([resource]) => resource);

/** `d0007` is what the paths of device 7 begin with. */
export function prefixOf(device: number): string {
  return `d${String(device).padStart(4, '0')}`;
}

export interface FleetSite {
  readonly devices: number;
  readonly serverPort: number;
}

/** @returns the file of the configuration */
export function writeFleet(folder: string, { devices, serverPort }: FleetSite): Promise<string> {
  return writeFiles(folder, {
    servers: `{ uri: "coap://127.0.0.1:${serverPort}" }`,
    intervalMs: INTERVAL_MS,
    connection: ['made-up', '{ type: sim }'],
    devices: `{ count: ${devices}, id: "device-{n:04}", prefix: "d{n:04}" }`,
    profile: {
      protocol: 'sim',
      model: 'Device',
      points: POINTS.map(([resource, unit]) => [
        `p${resource}`,
        `{ wave: ramp, high: ${100 + resource}, period: 7m, unit: "${unit}" }`,
      ]),
      resources: RESOURCES.map((resource) => [resource, `p${resource}`]),
    },
  });
}
