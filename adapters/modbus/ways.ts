import type { ConnectionPlan } from 'lwm2m-gateway/adapter';

/** The ways in which a device on one medium may speak, when nobody knows. */

const SOCKET_TYPES = ['modbus-tcp', 'modbus-rtu-tcp', 'modbus-ascii-tcp'];
const SERIAL_TYPES = ['modbus-rtu', 'modbus-ascii'];
/** The usual first. */
const BAUDS = [9600, 19_200, 2400, 4800, 38_400, 115_200, 57_600, 1200];
const PARITIES = ['even', 'none', 'odd'];

function serialWays({ type, settings }: ConnectionPlan): ConnectionPlan[] {
  const types = [type, ...SERIAL_TYPES.filter((other) => other !== type)];
  return types.flatMap((framing) =>
    BAUDS.flatMap((baud) =>
      PARITIES.map((parity) => ({
        type: framing,
        settings: { port: settings.port, serial: { baud, parity } },
      })),
    ),
  );
}

function socketWays({ settings: { host, port } }: ConnectionPlan): ConnectionPlan[] {
  return SOCKET_TYPES.map((type) => ({ type, settings: { host, port } }));
}

/** On one line, as far as ways differ. */
export function describeWay({ type, settings }: ConnectionPlan): string {
  const serial = settings.serial as { baud?: number; parity?: string } | undefined;
  return serial === undefined ? type : `${type}, ${serial.baud} Bd, parity ${serial.parity ?? 'even'}`;
}

/** All ways on the medium of a connection, beginning with the one that it is configured for. */
export function waysToSpeak(connection: ConnectionPlan): readonly ConnectionPlan[] {
  const ways = SERIAL_TYPES.includes(connection.type) ? serialWays(connection) : socketWays(connection);
  const own = describeWay(connection);
  return [connection, ...ways.filter((way) => describeWay(way) !== own)];
}
