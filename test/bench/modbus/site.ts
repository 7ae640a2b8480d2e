import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostOf, type ModbusLoad, numbersOf, pointOf, unitOf } from './loads.ts';

/** The configuration of the gateway for the Modbus bench, as a user would write it. */

export const METER_OBJECT = 10_242;

type Row = readonly [resource: number, unit: string, factor: number];

/** Of object 10242, what measures and has no range, by the units that meters use: most have to be converted. */
const PHASE: readonly Row[] = [
  [4, 'V', 1],
  [5, 'A', 1],
  [6, 'W', 1000],
  [7, 'var', 1000],
  [8, 'var', 1000],
  [9, 'var', 1000],
  [10, 'VA', 1000],
  [12, '/100', 1],
  [13, '/100', 1],
];
const TOTALS: readonly Row[] = [
  [34, 'W', 1000],
  [35, 'var', 1000],
  [36, 'var', 1000],
  [37, 'var', 1000],
  [38, 'VA', 1000],
  [46, 'V', 1],
  [47, 'V', 1],
];

/** The value in the field is that of the resource times `factor`. */
export const RESOURCES = [
  ...[0, 10, 20].flatMap((first) => PHASE.map(([id, ...rest]): Row => [first + id, ...rest])),
  ...TOTALS,
].map(([resource, unit, factor]) => ({ resource, unit, factor }));

export const prefixOf = (number: number): string => `d${number}`;

function profileText({ addresses }: ModbusLoad): string {
  const mapped = RESOURCES.slice(0, addresses.length).map((row, index) => ({
    ...row,
    address: addresses[index] ?? 0,
  }));
  return `profile:
  id: bench/meter
  protocol: modbus
  manufacturer: Bench
  model: Meter
  modbus: { addressing: pdu0, limits: { maxRegisters: 80 } }
  points:
${mapped.map(({ address, unit }) => `    ${pointOf(address)}: { table: input, addr: ${address}, type: float32, unit: "${unit}" }`).join('\n')}
  objects:
    - object: ${METER_OBJECT}
      resources:
${mapped.map(({ resource, address }) => `        ${resource}: ${pointOf(address)}`).join('\n')}
`;
}

function connectionText(load: ModbusLoad, host: string, where: string): string {
  return load.baud === undefined
    ? `{ type: modbus-tcp, host: ${host}, port: ${where} }`
    : `{ type: modbus-rtu, port: "${where}", serial: { baud: ${load.baud} } }`;
}

function gatewayText(load: ModbusLoad, folder: string, where: string, serverPort: number): string {
  const numbers = numbersOf(load);
  const nameOf = (number: number): string => (load.isShared ? 'field' : `field-${number}`);
  const connections = new Map(
    numbers.map((number) => [nameOf(number), connectionText(load, hostOf(load, number), where)]),
  );
  const devices = numbers.map(
    (number) =>
      `  - { id: meter-${number}, prefix: ${prefixOf(number)}, profile: bench/meter, connection: ${nameOf(number)}, unit: ${unitOf(load, number)} }`,
  );
  return `upstream:
  endpoint: "urn:dev:ops:bench-gateway"
  servers: [ { uri: "coap://127.0.0.1:${serverPort}" } ]
profilePaths: [profiles]
defaults: { poll: ${load.intervalMs}ms }
connections:
${[...connections].map(([name, text]) => `  ${name}: ${text}`).join('\n')}
devices:
${devices.join('\n')}
state: { path: "${folder}/state" }
log: { level: error }
`;
}

/** @param where port of the field, or path of the line. @returns the file of the configuration */
export async function writeSite(
  load: ModbusLoad,
  folder: string,
  where: string,
  serverPort: number,
): Promise<string> {
  const file = join(folder, 'gateway.yaml');
  await mkdir(join(folder, 'profiles'), { recursive: true });
  await writeFile(join(folder, 'profiles', 'meter.yaml'), profileText(load));
  await writeFile(file, gatewayText(load, folder, where, serverPort));
  return file;
}
