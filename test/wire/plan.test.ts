import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSite, type Site } from '../support/site.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
  await site.write(
    'profiles/sensor.yaml',
    `profile:
  id: test/sensor
  protocol: sim
  points: { t: { wave: ramp, unit: Cel } }
  objects: [ { object: 3303, resources: { 5700: t } } ]
`,
  );
});

afterAll(() => site.close());

test('devices that are alike share what is compiled of their profile, and nothing that tells them apart', async () => {
  const device = (id: string, more = ''): string =>
    `{ id: ${id}, profile: test/sensor, connection: made-up${more} }`;
  const { devices } = await site.plan(`
upstream: { endpoint: gw, servers: [ { uri: "coap://127.0.0.1:5683" } ] }
profilePaths: [ profiles ]
connections: { made-up: { type: sim } }
devices:
  - ${device('a')}
  - ${device('b', ', ahead: 5s')}
  - ${device('c', ', poll: 77s')}
  - ${device('d', ', overrides: { points: { t: { high: 40 } } }')}
`);
  const [a, b, c, d] = devices.map(({ compiled }) => compiled);
  expect(b?.instances).toBe(a?.instances);
  expect([a?.plan.id, b?.plan.id]).toEqual(['a', 'b']);
  expect([a?.plan.settings, b?.plan.settings]).not.toEqual([b?.plan.settings, a?.plan.settings]);
  expect(b?.plan.settings).toMatchObject({ ahead: '5s' });
  expect(c?.polls.map(({ intervalMs }) => intervalMs)).toEqual([77_000]);
  expect(a?.polls.map(({ intervalMs }) => intervalMs)).not.toEqual([77_000]);
  expect(d?.plan.points.get('t')?.address).toMatchObject({ high: 40 });
  expect(a?.plan.points.get('t')?.address).not.toMatchObject({ high: 40 });
});
