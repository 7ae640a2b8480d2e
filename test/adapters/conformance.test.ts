import { describeAdapter, simulatedField } from 'lwm2m-gateway/adapter/testkit';
import { test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import sim from '../../adapters/sim/index.ts';
import { devicePlan } from './support/plans.ts';

const meter = devicePlan({
  voltage: { table: 'input', addr: 0, type: 'float32' },
  energy: { table: 'input', addr: 40, type: 'uint64', order: 'CDAB' },
  relay: { table: 'coil', addr: 3, access: 'rw' },
  limit: { table: 'holding', addr: 10, type: 'int32', access: 'rw', write: { verify: 'readback' } },
});

describeAdapter(
  {
    module: modbus,
    createField: () =>
      simulatedField(modbus, 'modbus-tcp', meter, {
        readable: ['voltage', 'energy', 'relay', 'limit'],
        readOnly: 'voltage',
        writable: { point: 'limit', values: [-70_000, 12] },
      }),
  },
  { test },
);

const demo = devicePlan(
  {
    power: { wave: 'sine', low: 100, high: 200 },
    total: { wave: 'counter', ratePerHour: 4.2 },
    mode: { wave: 'setting', value: 'eco', access: 'rw' },
  },
  { settings: {}, protocol: {} },
);

describeAdapter(
  {
    module: sim,
    createField: async () => ({
      connection: { type: 'sim', settings: {} },
      device: demo,
      readable: ['power', 'total', 'mode'],
      readOnly: 'power',
      writable: { point: 'mode', values: ['off', 'on'] },
      close: async () => {},
    }),
  },
  { test },
);
