import type { Adapter, AdapterModule, AttachedDevice } from 'lwm2m-gateway/adapter';
import { describeAdapter } from 'lwm2m-gateway/adapter/testkit';
import { expect, test } from 'vitest';
import sim from '../../adapters/sim/index.ts';
import { devicePlan } from './support/plans.ts';

const plan = devicePlan(
  {
    power: { wave: 'constant', value: 5 },
    other: { wave: 'constant', value: 6 },
    mode: { wave: 'setting', value: 1, access: 'rw' },
  },
  { settings: {}, protocol: {} },
);

/** The names of the checks that a module fails. */
async function failures(module: AdapterModule): Promise<string[]> {
  const failed: string[] = [];
  const runs: Promise<unknown>[] = [];
  const createField = async () => ({
    connection: { type: 'sim', settings: {} },
    device: plan,
    readable: ['power', 'other'],
    readOnly: 'power',
    writable: { point: 'mode', values: [2, 3] as const },
    close: async () => {},
  });
  describeAdapter(
    { module, createField },
    { test: (name, run) => runs.push(run().catch(() => failed.push(name.replace(/^[^:]+: /, '')))) },
  );
  await Promise.all(runs);
  return failed;
}

/** The sim adapter with one of its devices' methods replaced. */
function broken(change: (device: AttachedDevice) => Partial<AttachedDevice>): AdapterModule {
  return {
    ...sim,
    open(connection, host): Adapter {
      const adapter = sim.open(connection, host);
      const attach: Adapter['attach'] = (device) => {
        const attached = adapter.attach(device);
        return Object.create(attached, Object.getOwnPropertyDescriptors(change(attached))) as AttachedDevice;
      };
      return { ...adapter, attach };
    },
  };
}

test('an adapter that keeps the contract fails no check', async () => {
  expect(await failures(sim)).toEqual([]);
});

test.each<[string, string, AdapterModule]>([
  [
    'samples in another order',
    'a read brings one sample per point, in the order asked, twice if asked twice',
    broken((device) => ({
      read: async (points, options) => [...(await device.read(points, options))].reverse(),
    })),
  ],
  [
    'values that are not finite',
    'a sample has a value with time and quality, or a cause and nothing else',
    broken((device) => ({
      read: async (points, options) =>
        (await device.read(points, options)).map((sample) =>
          'value' in sample ? { ...sample, value: Number.NaN } : sample,
        ),
    })),
  ],
  [
    'a read that rejects over an unknown point',
    'an unknown point fails alone',
    broken((device) => ({
      read: async (points, options) => {
        if (points.some((point) => !plan.points.has(point))) throw new Error('unknown');
        return device.read(points, options);
      },
    })),
  ],
  [
    'writes that are only said to be done',
    'what was written is read',
    broken(() => ({
      write: async (operations) => operations.map(({ point }) => ({ point, status: 'done' })),
    })),
  ],
  [
    'a schema that lets unknown keys pass',
    'every schema is data, describes an object and its keys, and forbids unknown ones',
    { ...sim, schemas: { ...sim.schemas, device: { type: 'object', properties: {} } } },
  ],
])('%s are found', async (_, check, module) => {
  expect(await failures(module)).toContain(check);
});
