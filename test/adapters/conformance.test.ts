import { createTestHost, describeAdapter, simulatedField } from 'lwm2m-gateway/adapter/testkit';
import { describe, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import sim from '../../adapters/sim/index.ts';
import { socatAvailable, socatInstallLine, startLine } from '../support/line.ts';
import { devicePlan } from './support/plans.ts';

const meter = devicePlan({
  voltage: { table: 'input', addr: 0, type: 'float32' },
  energy: { table: 'input', addr: 40, type: 'uint64', order: 'CDAB' },
  relay: { table: 'coil', addr: 3, access: 'rw' },
  limit: { table: 'holding', addr: 10, type: 'int32', access: 'rw', write: { verify: 'readback' } },
});

const points = {
  readable: ['voltage', 'energy', 'relay', 'limit'],
  readOnly: 'voltage',
  writable: { point: 'limit', values: [-70_000, 12] },
} as const;

describe.each(['modbus-tcp', 'modbus-udp', 'modbus-rtu-tcp', 'modbus-ascii-tcp'])('%s', (type) => {
  describeAdapter(
    { module: modbus, createField: () => simulatedField(modbus, type, meter, points) },
    { test },
  );
});

describe.skipIf(!socatAvailable())(`serial lines (${socatInstallLine})`, () => {
  describe.each(['modbus-rtu', 'modbus-ascii'])('%s', (type) => {
    const createField = async () => {
      const line = await startLine();
      const serial = { baud: 115_200 };
      const field = await modbus.simulate?.([meter], createTestHost(), {
        type,
        settings: { port: line.device, serial },
      });
      if (field === undefined) throw new Error('no simulation');
      return {
        connection: { type, settings: { port: line.master, serial } },
        device: meter,
        ...points,
        setPresent: (present: boolean) => field.setPresent(meter.id, present),
        async close() {
          await field.close();
          await line.close();
        },
      };
    };
    describeAdapter({ module: modbus, createField }, { test });
  });
});

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
