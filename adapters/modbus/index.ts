/** modbus: meters and controllers that speak Modbus. Knows no unit, no scale and no LwM2M. */
import type { AdapterModule } from 'lwm2m-gateway/adapter';
import { openConnection } from './adapter.ts';
import { connectionLoad } from './load.ts';
import { compileDevice } from './points.ts';
import { schemas } from './schemas.ts';
import { simulate } from './simulator.ts';

const modbus: AdapterModule = {
  name: 'modbus',
  schemas,
  check: (device) => compileDevice(device).faults,
  load: connectionLoad,
  open: openConnection,
  simulate,
};

export default modbus;
