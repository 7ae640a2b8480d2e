/** modbus: meters and controllers that speak Modbus. Knows no unit, no scale and no LwM2M. */
import type { AdapterModule } from 'lwm2m-gateway/adapter';
import { openConnection } from './adapter.ts';
import { placeText } from './address.ts';
import { broadcastFaults, connectionType, reachesAll } from './connection.ts';
import { createFaultScript, faultFaults, faultSchema } from './fault-script.ts';
import { connectionLoad } from './load.ts';
import { modelText } from './place.ts';
import { compileDevice } from './points.ts';
import { rawAccessFaults } from './registers.ts';
import { schemas } from './schemas.ts';
import { simulate } from './simulator.ts';
import { tools } from './tools.ts';

const modbus: AdapterModule = {
  name: 'modbus',
  schemas,
  check: (device, { type }) => {
    const compiled = compileDevice(device);
    const medium = connectionType(type);
    return [
      ...compiled.faults,
      ...broadcastFaults(compiled, medium),
      ...rawAccessFaults(device, reachesAll(compiled, medium)),
    ];
  },
  places: (device) =>
    new Map(
      [...compileDevice(device).fields].map(([id, { table, address, offset }]) => [
        id,
        modelText(device, id) ?? placeText(table, address + offset),
      ]),
    ),
  load: connectionLoad,
  open: openConnection,
  simulate: (devices, host, { faults, ...medium } = { type: 'modbus-tcp' }) =>
    simulate(devices, host, {
      ...medium,
      ...(faults === undefined ? {} : { faults: createFaultScript(faults, host.clock) }),
    }),
  faults: { schema: faultSchema, check: faultFaults },
  tools,
};

export default modbus;
