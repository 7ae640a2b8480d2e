import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Simulation } from '../adapter/index.ts';
import { createLogger, GatewayError, silentLogger, systemClock, systemRandom } from '../base/index.ts';
import { readingAt, startUpstream, summary, tellStory } from '../demo/index.ts';
import { createGateway, type Plan } from '../wire/index.ts';
import { loadPlan } from './load.ts';
import { EXIT, type Output } from './output.ts';

const METERS = ['meter-house', 'meter-workshop', 'meter-heatpump'] as const;
const TICK_MS = 1000;

/** Points of the SDM630 profile that the simulation moves. */
const POINTS = {
  voltages: ['v1', 'v2', 'v3'],
  currents: ['i1', 'i2', 'i3'],
  powers: ['p1', 'p2', 'p3'],
} as const;

/** Voltage of the first phase. */
const PROBE = '10242/0/4';

/** Where the writable demand period of the SDM630 is, and two values that it takes (15 and 30 minutes, in s). */
const SET_POINT = { path: '3308/0/5900', point: 'demandPeriod', values: [900, 1800] } as const;

/** A real configuration, as a user would write it, for meters that are only simulated. */
function demoConfig(folder: string, upstreamPort: number, field: Readonly<Record<string, unknown>>): string {
  const devices = METERS.map(
    (id, at) => `  - { id: ${id}, profile: eastron/sdm630-v2, connection: hall, unit: ${at + 1} }`,
  );
  return `upstream:
  endpoint: "urn:dev:ops:demo-gateway"
  servers: [ { uri: "coap://127.0.0.1:${upstreamPort}", lifetime: 5m } ]
defaults: { poll: 1s, timeouts: { request: 300ms, retries: 0 }, quarantine: { after: 2, backoff: [1s] } }
connections:
  hall: { type: modbus-tcp, host: "${field.host ?? '127.0.0.1'}", port: ${field.port ?? 502} }
devices:
${devices.join('\n')}
state: { path: "${folder}/state" }
log: { level: warn }
`;
}

async function planDemo(
  folder: string,
  upstreamPort: number,
  field: Readonly<Record<string, unknown>>,
): Promise<Plan> {
  const file = join(folder, 'gateway.yaml');
  await writeFile(file, demoConfig(folder, upstreamPort, field));
  const { plan, faults } = await loadPlan(file);
  if (plan === undefined)
    throw new GatewayError('cli.demo', `the configuration of the demo is wrong: ${faults.join('; ')}`);
  return plan;
}

/** Meters that are made from the same plans the gateway reads them by. */
async function simulateMeters(plan: Plan): Promise<Simulation> {
  const [first] = plan.devices;
  const host = { clock: systemClock, log: silentLogger, random: systemRandom };
  const simulation = await first?.adapter.simulate?.(
    plan.devices.map(({ compiled }) => compiled.plan),
    host,
  );
  if (simulation === undefined)
    throw new GatewayError('cli.demo', 'the field protocol of the demo cannot be simulated');
  return simulation;
}

function moveMeters(simulation: Simulation, seconds: number): void {
  for (const [index, meter] of METERS.entries()) {
    const reading = readingAt(index, seconds);
    for (const [quantity, points] of Object.entries(POINTS)) {
      const values = reading[quantity as keyof typeof POINTS];
      for (const [at, point] of points.entries()) simulation.set(meter, point, values[at] ?? 0);
    }
    simulation.set(
      meter,
      'p',
      reading.powers.reduce((sum, power) => sum + power, 0),
    );
    simulation.set(meter, 'f', reading.frequency);
    simulation.set(meter, 'ei', reading.energy);
  }
}

function untilInterrupted(seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (seconds !== undefined) setTimeout(resolve, seconds * 1000);
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/**
 * `demo`: simulated meters on a real Modbus TCP socket, a small LwM2M server, and the gateway between them.
 * @param seconds ends by itself then; undefined: at Ctrl-C
 * @returns 0 when everything that was promised happened, else 1
 */
export async function demo(seconds: number | undefined, out: Output): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-demo-'));
  const end = untilInterrupted(seconds);
  const upstream = await startUpstream({ clock: systemClock, log: silentLogger });
  const simulation = await simulateMeters(await planDemo(folder, upstream.port, {}));
  const started = systemClock.monotonic();
  const move = (): void => moveMeters(simulation, (systemClock.monotonic() - started) / 1000);
  move();
  simulation.set(METERS[0], SET_POINT.point, 15);
  const ticking = setInterval(move, TICK_MS);
  const gateway = createGateway(await planDemo(folder, upstream.port, simulation.connection), {
    clock: systemClock,
    log: createLogger('error'),
    random: systemRandom,
    restart() {},
  });
  out.print(
    [
      `${METERS.length} simulated SDM630 meters speak Modbus TCP at ${simulation.connection.host}:${simulation.connection.port},`,
      `a LwM2M server listens at coap://127.0.0.1:${upstream.port}, and the gateway starts between them.`,
      'This is what the server sees (energy counters once a second reading, 10 s later, has confirmed them):',
      '',
    ].join('\n'),
  );
  await gateway.start();
  const story = tellStory({
    clock: systemClock,
    upstream,
    print: (line) => out.print(line),
    field: {
      meters: METERS,
      probe: PROBE,
      setPresent: (meter, present) => simulation.setPresent(meter, present),
      setPoint: {
        path: SET_POINT.path,
        values: SET_POINT.values,
        register: (meter) => simulation.get(meter, SET_POINT.point),
      },
    },
  });
  const chapters = await Promise.race([story, end.then(() => [])]);
  if (chapters.length > 0) await end;
  await gateway.stop();
  clearInterval(ticking);
  await simulation.close();
  await upstream.close();
  await rm(folder, { recursive: true, force: true });
  out.print(chapters.length === 0 ? '\nthe demo was ended before its story' : `\n${summary(chapters)}`);
  return chapters.length > 0 && chapters.every(({ kept }) => kept) ? EXIT.ok : EXIT.failed;
}
