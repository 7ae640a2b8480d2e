import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { expect, test } from 'vitest';
import modbus from '../../adapters/modbus/index.ts';
import { formatSenseFault } from '../../src/cli/load.ts';
import { localFiles } from '../../src/config/files.ts';
import { formatFault, loadConfig } from '../../src/config/index.ts';
import { takeSamples } from '../../src/gateway/derive.ts';
import type { PointState } from '../../src/gateway/pipeline.ts';
import { type PlannedDevice, planGateway } from '../../src/wire/index.ts';
import { type Registers, startRawMeter } from './raw-meter.ts';

/**
 * Every profile against registers as its maker's manual has them, and the LwM2M tree that has to come of them. The
 * fixtures are data: words written down from the facts of the meter, never by our own codecs.
 */

interface Fixture {
  /** Keys of the device beside its unit. */
  readonly device?: string;
  /** The most requests that a poll of everything may take on TCP. */
  readonly requests: number;
  readonly registers: Registers;
  /** By path, all that a server can read, but for quality, time, and what the gateway itself provides. */
  readonly tree: Readonly<Record<string, string | number | boolean>>;
}

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));
const PROFILES = fileURLToPath(new URL('../../config/profiles', import.meta.url));
const idsIn = (folder: string, ending: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length))
    .sort();

const host = createTestHost();
const modules = new Map([[modbus.name, modbus]]);
const adapters = new Map([[modbus.name, modbus.schemas]]);

function planDevice(profile: string, port: number, keys = 'poll: 60s'): PlannedDevice {
  const main = `upstream: { endpoint: gw, servers: [{ uri: "coap://127.0.0.1" }] }
connections: { c: { type: modbus-tcp, host: 127.0.0.1, port: ${port} } }
devices: [{ id: d, profile: ${profile}, connection: c, unit: 1, ${keys} }]
`;
  const files = {
    ...localFiles,
    read: (path: string) => (path === 'main.yaml' ? new TextEncoder().encode(main) : localFiles.read(path)),
  };
  const { config, faults, locate } = loadConfig('main.yaml', { adapters, env: {}, files });
  if (config === undefined) throw new Error(faults.map(formatFault).join('\n'));
  const plan = planGateway(config, modules);
  const [device] = plan.devices;
  if (device === undefined || plan.faults.length > 0)
    throw new Error(plan.faults.map((fault) => formatSenseFault(fault, locate)).join('\n'));
  return device;
}

/** Counters with a greatest rate are shown once a reading so much later confirms them. */
const CONFIRMED_MS = 11_000;

/** What servers can read of the device, from its registers. */
async function treeOf({ compiled, connection }: PlannedDevice): Promise<Fixture['tree']> {
  const tree: Record<string, string | number | boolean> = {};
  for (const { resources } of compiled.instances) {
    for (const resource of resources)
      if (resource.kind === 'constant') tree[`/${resource.ids.join('/')}`] = resource.value as string;
  }
  const adapter = modbus.open(connection, host);
  adapter.start();
  const device = adapter.attach(compiled.plan);
  const samples = [];
  for (const { points } of compiled.polls)
    samples.push(...(await device.read(points, { priority: 'poll', deadlineMs: 5000 })));
  await adapter.close();
  const states = new Map<string, PointState>();
  takeSamples(compiled, states, samples, 0);
  const later = samples.map((sample) => ({ ...sample, at: sample.at + CONFIRMED_MS }));
  const derived = new Set(
    compiled.instances.flatMap(({ resources }) =>
      resources.flatMap(({ kind, ids }) => (kind === 'derived' ? `/${ids.join('/')}` : [])),
    ),
  );
  for (const update of takeSamples(compiled, states, later, CONFIRMED_MS)) {
    const path = `/${update.ids.join('/')}`;
    if (!derived.has(path)) tree[path] = 'value' in update ? (update.value as number) : update.cause;
  }
  return tree;
}

test.each(idsIn(FIXTURES, '.json'))('%s: its registers become this LwM2M tree', async (id) => {
  const fixture: Fixture = JSON.parse(readFileSync(join(FIXTURES, `${id}.json`), 'utf8'));
  const meter = await startRawMeter(fixture.registers);
  expect(await treeOf(planDevice(id, meter.port, fixture.device))).toEqual(fixture.tree);
  expect(meter.requests).toBeLessThanOrEqual(fixture.requests);
  await meter.close();
});

test('every profile that ships has a fixture', () => {
  expect(idsIn(FIXTURES, '.json')).toEqual(idsIn(PROFILES, '.yaml'));
});
