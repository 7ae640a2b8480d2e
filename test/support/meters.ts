import type { FieldValue, Simulation } from '../../src/adapter/index.ts';

/** SDM630 meters for tests of the whole gateway: their configuration, their readings, and what a server must see. */

export interface MeterConfig {
  /** Each as it stands in the list: `{ uri: "coap://127.0.0.1:5683" }`. */
  readonly servers: readonly string[];
  readonly representation?: 'gateway' | 'endpoints';
  /** Connection settings of a simulation. */
  readonly field?: Simulation['connection'];
  readonly meters?: readonly string[];
  readonly poll?: string;
  /** What differs from the profile, by meter: `{ points: { p: { poll: 1s } } }`. */
  readonly overrides?: Readonly<Record<string, string>>;
}

export const ENDPOINT = 'urn:dev:ops:gateway-1';
export const METERS = ['meter-1', 'meter-2'] as const;

/** The configuration of a gateway with meters on one Modbus TCP connection, as units 1, 2 and so on. */
export function meterConfig(config: MeterConfig): string {
  const { servers, representation = 'gateway', field = {}, meters = METERS, poll = '200ms' } = config;
  const devices = meters.map((id, at) => {
    const overrides = config.overrides?.[id];
    const keys = [
      `id: ${id}`,
      `deviceId: ${id}`,
      'profile: eastron/sdm630-v2',
      'connection: hall',
      `unit: ${at + 1}`,
    ];
    return `  - { ${[...keys, ...(overrides === undefined ? [] : [`overrides: ${overrides}`])].join(', ')} }`;
  });
  return `upstream:
  endpoint: "${ENDPOINT}"
  representation: ${representation}
  servers: [ ${servers.join(', ')} ]
defaults: { poll: ${poll}, timeouts: { request: 300ms, retries: 0 }, quarantine: { after: 2, backoff: [1s] } }
connections:
  hall: { type: modbus-tcp, host: "${field.host ?? '127.0.0.1'}", port: ${field.port ?? 502} }
devices:
${devices.join('\n')}
`;
}

/** Imported energy in 10242: a counter with a greatest rate, which is shown some seconds after the start. */
export const IMPORTED = 41;

/**
 * 10242 by resource, but for {@link IMPORTED}: its point, and how many of the point's units make one of the resource's
 * (kW, kvar, kVA).
 */
export const POWER_METER: ReadonlyMap<number, readonly [point: string, divisor: number]> = new Map([
  [4, ['v1', 1]],
  [5, ['i1', 1]],
  [6, ['p1', 1000]],
  [7, ['q1', 1000]],
  [10, ['s1', 1000]],
  [11, ['pf1', 1]],
  [14, ['v2', 1]],
  [15, ['i2', 1]],
  [16, ['p2', 1000]],
  [17, ['q2', 1000]],
  [20, ['s2', 1000]],
  [21, ['pf2', 1]],
  [24, ['v3', 1]],
  [25, ['i3', 1]],
  [26, ['p3', 1000]],
  [27, ['q3', 1000]],
  [30, ['s3', 1000]],
  [31, ['pf3', 1]],
  [34, ['p', 1000]],
  [35, ['q', 1000]],
  [38, ['s', 1000]],
  [39, ['pf', 1]],
  [42, ['ri', 1]],
  [49, ['f', 1]],
]);

/** Readings that differ from point to point and from meter to meter, and that a 32-bit float holds exactly. */
export function setReadings(simulation: Simulation, meters: readonly string[] = METERS): void {
  for (const [index, meter] of meters.entries()) {
    const set = (point: string, value: FieldValue): void => simulation.set(meter, point, value);
    for (const phase of [1, 2, 3]) {
      set(`v${phase}`, 229 + phase + index / 4);
      set(`i${phase}`, phase + 0.25 + index);
      set(`p${phase}`, 100 * phase + 0.5 + 1000 * index);
      set(`q${phase}`, -10 * phase - index);
      set(`s${phase}`, 110 * phase + 1000 * index);
      set(`pf${phase}`, 1 - phase / 8 - index / 64);
    }
    set('p', 601.5 + 3000 * index);
    set('q', -60 - 3 * index);
    set('s', 660 + 3000 * index);
    set('pf', 0.75 - index / 64);
    set('f', 50 + index / 64);
    set('ei', 12_345.5 + 1000 * index);
    set('ee', 67.25 + 1000 * index);
    set('ri', 2345.25 + 1000 * index);
    set('demandPeriod', 15);
  }
}

/** What 10242 must show of a meter now, by resource, but for {@link IMPORTED}. */
export function shownBy(simulation: Simulation, meter: string): Readonly<Record<number, number>> {
  return Object.fromEntries(
    [...POWER_METER].map(([id, [point, divisor]]) => [id, Number(simulation.get(meter, point)) / divisor]),
  );
}
