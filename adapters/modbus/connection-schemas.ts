import { durationSchema, type JsonSchema } from 'lwm2m-gateway/adapter';
import { DEFAULTS, MODBUS_PORT } from './connection.ts';
import { choice, integer, object } from './schema-parts.ts';

const host: JsonSchema = { type: 'string', minLength: 1, description: 'Host name or IP address.' };
const connectDelay = durationSchema('Wait between the connection and the first request.', '0ms');

const socketTiming = {
  connectDelay,
  pause: durationSchema('Least time between a reply and the next request.', '0ms'),
  lateReplyWindow: durationSchema(
    'Wait after a request without reply; for gateways that give a late reply the number of the newest request.',
    '0ms',
  ),
};

const maxInFlight = integer(
  'Requests sent before the reply to the first; more than 1 only if the device documents it.',
  1,
  16,
  1,
);

const modbusTcp = object(
  'A device or gateway that speaks Modbus TCP.',
  {
    host,
    port: integer('TCP port.', 1, 65_535, MODBUS_PORT),
    timing: object('Pauses that the device needs.', socketTiming),
    maxInFlight,
    idleClose: {
      anyOf: [
        choice('Keep the connection, or close it when nothing waits any more.', ['never', 'after-cycle']),
        durationSchema('Close the connection when it was not used for so long.'),
      ],
      description:
        'When to close a connection that is not needed: never, after-cycle for devices with a single socket, or after a time.',
      default: 'never',
    },
  },
  ['host'],
);

const modbusUdp = object(
  'A device or gateway that takes the frames of Modbus TCP in UDP datagrams.',
  {
    host,
    port: integer('UDP port.', 1, 65_535, MODBUS_PORT),
    timing: object('Pauses that the device needs.', socketTiming),
    maxInFlight,
  },
  ['host'],
);

const localEcho: JsonSchema = {
  type: 'boolean',
  description: 'Whether the adapter repeats what it sends. Default: found out by the first read.',
};

const lineTiming = object('Pauses that the line and its devices need.', {
  connectDelay,
  interFrame: {
    anyOf: [
      choice('3.5 characters, 1.75 ms above 19200 Bd, and at least 2 ms.', ['auto']),
      durationSchema('Fixed.'),
    ],
    description: 'Silence before each request.',
    default: 'auto',
  },
  turnaround: durationSchema(
    'More silence after an answer, for devices that are slow to listen again.',
    '0ms',
  ),
  broadcastDelay: durationSchema('How long the devices work on a broadcast.', DEFAULTS.broadcastDelay),
  lateReplyWindow: durationSchema(
    'How long after a request was given up its reply is still feared, where the device does not show that it owes none.',
    DEFAULTS.lineLateReplyWindow,
  ),
});

function serialLine(description: string, dataBits: 7 | 8): JsonSchema {
  return object(
    description,
    {
      port: {
        type: 'string',
        pattern: '^/',
        description: 'The port by a name that stays: /dev/serial/by-id/... or /dev/serial/by-path/...',
      },
      serial: object(
        'How characters stand on the line; the same for all devices on it.',
        {
          baud: integer('Bits per second.', 300, 4_000_000),
          dataBits: integer('Data bits: 8 for RTU, 7 or 8 for ASCII.', dataBits === 8 ? 8 : 7, 8, dataBits),
          parity: choice('Parity bit.', ['none', 'even', 'odd'], DEFAULTS.parity),
          stopBits: integer('Stop bits; without parity the standard wants 2.', 1, 2, DEFAULTS.stopBits),
          lowLatency: {
            type: 'boolean',
            default: false,
            description: 'Hand over bytes as they come: for FTDI adapters, which collect them for 16 ms.',
          },
        },
        ['baud'],
      ),
      localEcho,
      timing: lineTiming,
    },
    ['port', 'serial'],
  );
}

function lineOverTcp(description: string): JsonSchema {
  return object(
    description,
    { host, port: integer('TCP port.', 1, 65_535, MODBUS_PORT), localEcho, timing: lineTiming },
    ['host'],
  );
}

/** By connection type. */
export const connections: Readonly<Record<string, JsonSchema>> = {
  'modbus-tcp': modbusTcp,
  'modbus-udp': modbusUdp,
  'modbus-rtu': serialLine('A serial line (RS-485, RS-232) with devices that speak Modbus RTU.', 8),
  'modbus-rtu-tcp': lineOverTcp('A converter that passes the bytes of Modbus RTU on over TCP.'),
  'modbus-ascii': serialLine('A serial line with devices that speak Modbus ASCII.', 7),
  'modbus-ascii-tcp': lineOverTcp('A converter that passes the characters of Modbus ASCII on over TCP.'),
};
