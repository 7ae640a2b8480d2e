import { type AdapterHost, durationMs, GatewayError } from 'lwm2m-gateway/adapter';
import { type Medium, tcpMedium } from './cost.ts';
import type { Link } from './link.ts';
import { createMbapLink } from './mbap-link.ts';

/** The keys of a `modbus-tcp` connection, as its schema lets them pass. */
interface TcpKeys {
  readonly host: string;
  readonly port?: number;
  readonly timing?: { readonly connectDelay?: string; readonly pause?: string };
  readonly maxInFlight?: number;
  readonly idleClose?: string;
}

/** What differs between the media of Modbus. */
interface ConnectionType {
  medium(settings: Readonly<Record<string, unknown>>): Medium;
  createLink(settings: Readonly<Record<string, unknown>>, host: AdapterHost): Link;
}

export const MODBUS_PORT = 502;

/** Long enough for a device whose next request is on its way, short enough for a device with a single socket. */
const AFTER_CYCLE_MS = 100;

function idleCloseMs(idleClose = 'never'): number {
  if (idleClose === 'never') return Number.POSITIVE_INFINITY;
  return idleClose === 'after-cycle' ? AFTER_CYCLE_MS : durationMs(idleClose);
}

const pauseMs = (keys: TcpKeys): number => durationMs(keys.timing?.pause ?? '0ms');

/** By connection type. A further medium is a further row. */
const CONNECTION_TYPES: Readonly<Record<string, ConnectionType>> = {
  'modbus-tcp': {
    medium: (settings) => tcpMedium(pauseMs(settings as unknown as TcpKeys)),
    createLink(settings, host) {
      const keys = settings as unknown as TcpKeys;
      return createMbapLink(
        {
          host: keys.host,
          port: keys.port ?? MODBUS_PORT,
          connectDelayMs: durationMs(keys.timing?.connectDelay ?? '0ms'),
          pauseMs: pauseMs(keys),
          maxInFlight: keys.maxInFlight ?? 1,
          idleCloseMs: idleCloseMs(keys.idleClose),
        },
        host,
      );
    },
  },
};

/** @throws GatewayError `modbus.unknown-connection-type`, which schemas do not let happen */
export function connectionType(name: string): ConnectionType {
  const type = CONNECTION_TYPES[name];
  if (type === undefined) throw new GatewayError('modbus.unknown-connection-type', `no such type: ${name}`);
  return type;
}
