import { join } from 'node:path';
import {
  type AdapterKeys,
  type FileSystem,
  formatFault,
  type GatewayConfig,
  type Loaded,
  loadConfig,
} from '../../src/config/index.ts';

const strict = (properties: Record<string, unknown>, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const integer = (minimum: number, maximum: number) => ({ type: 'integer', minimum, maximum });
const time = { type: 'string', pattern: '^[0-9]+(ms|s)$' };

/** Schemas like those of a Modbus adapter, with every form of JSON Schema that adapters use. */
export const modbusKeys: AdapterKeys = {
  connections: {
    'modbus-tcp': strict(
      {
        host: { type: 'string', minLength: 1 },
        port: { ...integer(1, 65535), default: 502 },
        password: { type: 'string' },
        timing: strict({ pause: { ...time, default: '0ms' } }),
        idleClose: { anyOf: [{ enum: ['never', 'after-cycle'] }, time] },
      },
      ['host'],
    ),
  },
  profile: strict(
    {
      addressing: { enum: ['pdu0', 'one-based', 'modicon'] },
      limits: strict({ maxRegisters: { ...integer(1, 125), default: 125 } }),
      batching: {
        anyOf: [{ enum: ['auto', 'off'] }, strict({ maxGap: integer(0, 100) }, ['maxGap'])],
        default: 'auto',
      },
      unreadable: {
        type: 'array',
        items: { type: 'array', prefixItems: [integer(0, 9), integer(0, 9)], minItems: 2 },
      },
    },
    ['addressing'],
  ),
  device: strict({ unit: integer(0, 255) }, ['unit']),
  point: strict(
    {
      table: { enum: ['coil', 'discrete', 'holding', 'input'], description: 'The table.' },
      addr: integer(0, 65535),
      type: { enum: ['uint16', 'float32'] },
    },
    ['table', 'addr'],
  ),
  write: strict({ verify: { enum: ['ack', 'readback'], default: 'ack' } }),
};

/** A protocol that requires nothing. */
export const otherKeys: AdapterKeys = {
  connections: { other: strict({}) },
  profile: strict({}),
  device: strict({ ahead: { ...time, default: '0s' } }),
  point: strict({}),
  write: strict({}),
};

export const adapters: ReadonlyMap<string, AdapterKeys> = new Map([
  ['modbus', modbusKeys],
  ['other', otherKeys],
]);

/** `${env:NAME}` */
export const fromEnv = (name: string): string => `\${env:${name}}`;

/** Files by path; a text, or the code of the error that reading gives. */
export function memoryFiles(texts: Readonly<Record<string, string | Uint8Array>>): FileSystem {
  const missing = (): Error => Object.assign(new Error(), { code: 'ENOENT' });
  return {
    read(path) {
      const text = texts[path];
      if (text === undefined) throw missing();
      return typeof text === 'string' ? new TextEncoder().encode(text) : text;
    },
    list(folder) {
      const prefix = folder === '.' ? '' : `${join(folder)}/`;
      const inside = Object.keys(texts).filter((path) => path.startsWith(prefix));
      if (inside.length === 0) throw missing();
      const names = new Map(
        inside.map((path) => {
          const [name = '', ...rest] = path.slice(prefix.length).split('/');
          return [name, rest.length > 0] as const;
        }),
      );
      return [...names].map(([name, isFolder]) => ({ name, isFolder }));
    },
  };
}

/** The upstream part of a sound configuration, on two lines. */
export const UPSTREAM = `profilePaths: [profiles]
upstream: { endpoint: gw, servers: [{ uri: "coap://127.0.0.1" }] }
`;

/** A sound profile. */
export const METER = `profile:
  id: meter
  protocol: modbus
  modbus: { addressing: pdu0 }
  points:
    v1: { table: input, addr: 0, unit: V }
    ei: { table: input, addr: 2, unit: kWh, kind: counter }
  objects:
    - { object: 3316, resources: { 5700: v1, 5701: "V" } }
`;

/** A sound configuration with one device. */
export const SOUND = `${UPSTREAM}connections:
  hall: { type: modbus-tcp, host: h }
devices:
  - { id: a, profile: meter, connection: hall, unit: 1 }
`;

export interface Given {
  readonly env?: Record<string, string>;
  /** more files, or other ones */
  readonly files?: Record<string, string | Uint8Array>;
}

/** Loads a main file beside a sound profile. */
export function load(main: string, { env = {}, files = {} }: Given = {}): Loaded {
  const texts = { 'gateway.yaml': main, 'profiles/meter.yaml': METER, ...files };
  return loadConfig('gateway.yaml', { adapters, env, files: memoryFiles(texts) });
}

export function faultsOf(main: string, given: Given = {}): string[] {
  return load(main, given).faults.map(formatFault);
}

/** The configuration, which must have no faults. */
export function configOf(main: string, given: Given = {}): GatewayConfig {
  const { config, faults } = load(main, given);
  if (config === undefined) throw new Error(faults.map(formatFault).join('\n'));
  return config;
}

/** The faults of a profile, when a sound configuration finds it. */
export function profileFaults(profile: string): string[] {
  return faultsOf(SOUND, { files: { 'profiles/x.yaml': profile } });
}
