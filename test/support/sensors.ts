/** Devices for tests in which no field bus is at stake: thermometers of the `sim` adapter. */

/** Their profile, for `site.write('profiles/sensor.yaml', SENSOR)`. */
export const SENSOR = `profile:
  id: test/sensor
  protocol: sim
  points: { t: { wave: constant, value: 21.5, unit: Cel } }
  objects: [ { object: 3303, resources: { 5700: t, 5701: "Cel" } } ]
`;

/** The end of a configuration: these devices, each `id: t, prefix: d01`. */
export const sensors = (...devices: readonly string[]): string => `profilePaths: [ profiles ]
connections: { made-up: { type: sim } }
devices:
${devices.map((device) => `  - { ${device}, profile: test/sensor, connection: made-up }`).join('\n')}
`;
