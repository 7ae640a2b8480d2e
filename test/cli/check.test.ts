import { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { check } from '../../src/cli/check.ts';
import { loadPlan } from '../../src/cli/load.ts';
import { type ObjectDefinition, omaRegistry, writeDdf } from '../../src/model/index.ts';
import { ecKey, issue, issueCa } from '../dtls/certificates.ts';
import { type Heard, listen } from './output.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

/** A meter with one object, whose resources come from an energy in kWh, a volume in l, and a plain number. */
const profile = (object: string): string => `profile:
  id: own/meter
  protocol: modbus
  modbus: { addressing: pdu0 }
  points:
    energy: { table: holding, addr: 0, type: uint32, unit: kWh }
    volume: { table: holding, addr: 2, type: uint32, unit: l }
    plain: { table: holding, addr: 4, type: uint32 }
  objects:
    - ${object}
`;

const config = (more: string): string => `upstream:
  endpoint: gw
  servers: [{ uri: "coap://127.0.0.1" }]
profilePaths: [profiles]
${more}connections:
  hall: { type: modbus-tcp, host: 127.0.0.1 }
devices:
  - { id: a, profile: own/meter, connection: hall, unit: 1 }
`;

async function checked(object: string, more = ''): Promise<Heard & { readonly code: number }> {
  await put('profiles/meter.yaml', profile(object));
  const out = listen();
  const code = await check(await put('gateway.yaml', config(more)), [], out);
  return { ...out, code };
}

/** A vendor's object with a volume in m3. */
const MILK: ObjectDefinition = {
  id: 33000,
  name: 'Milk meter',
  version: '1.0',
  multiple: true,
  mandatory: false,
  resources: new Map([
    [
      1,
      {
        id: 1,
        name: 'Milk',
        operations: 'R',
        type: 'float',
        multiple: false,
        mandatory: true,
        range: '',
        unit: 'm3',
      },
    ],
  ]),
};

describe('dimensions', () => {
  test('that do not fit are told with file, line and column', async () => {
    const { code, complained } = await checked('{ object: 3305, resources: { 5800: energy } }');
    expect(code).toBe(2);
    expect(complained()).toMatch(
      /profiles\/meter\.yaml:10:42 profile\.objects\[0\]\.resources\.5800: 3305\/5800 \(Instantaneous active power\) is in W \(power\), and point energy in kWh \(energy\); it takes W, mW, kW/,
    );
  });

  test('that fit are converted', async () => {
    const { code, printed } = await checked(
      '{ object: 3331, resources: { 5700: { from: energy, unit: Wh }, 5701: "Wh" } }',
    );
    expect(code).toBe(0);
    expect(printed()).toMatch(/\/3331\/0\/5700 .*Wh +<- energy/);
  });
});

test('pitfall 5: it is said where points stand on the wire, in hex and in Modicon notation', async () => {
  const { printed } = await checked(
    '{ object: 3331, resources: { 5700: { from: energy, unit: kWh }, 5701: "kWh" } }',
  );
  expect(printed()).toMatch(/\/3331\/0\/5700 .* <- energy, every 60 s +holding 0x0000 \(40001\)$/m);
});

describe('object definitions of a user', () => {
  const OBJECT = '{ object: 33000, resources: { 1: volume } }';

  test('are used by profiles, and listed', async () => {
    await put('ddf/milk.xml', writeDdf(MILK));
    const { code, printed, complained } = await checked(OBJECT, 'objects: [ddf]\n');
    expect([code, complained()]).toEqual([0, '']);
    expect(printed()).toMatch(
      /object definitions of your own\n {2}33000 {2}1\.0 {2}Milk meter {2}.*ddf\/milk\.xml {2}new\n/,
    );
    expect(printed()).toMatch(/\/33000\/0\/1 +Milk +R +m3 +<- volume/);
  });

  test('say when they stand in place of a definition of the OMA registry, or add a version', async () => {
    const water = omaRegistry().find(3424);
    if (water === undefined) throw new Error('no object 3424');
    await put('ddf/1.xml', writeDdf({ ...water, name: 'My water' }));
    await put('ddf/2.xml', writeDdf({ ...water, version: '1.2' }));
    const { code, printed } = await checked('{ object: 3424, resources: { 1: volume } }', 'objects: [ddf]\n');
    expect(code).toBe(0);
    expect(printed()).toMatch(/3424 {2}1\.1 {2}My water .* in place of that of the OMA registry$/m);
    expect(printed()).toMatch(
      /3424 {2}1\.2 {2}Water meter .* a new version of an object of the OMA registry$/m,
    );
    expect(printed()).toMatch(/\/3424\/0 +Water meter 1\.2$/m);
  });

  test('may have units that nobody knows: such a value is taken as it is, and never converted', async () => {
    const churned = writeDdf(MILK).replace('>m3<', '>churn<');
    await put('ddf/milk.xml', churned);
    const { code, complained } = await checked(OBJECT, 'objects: [ddf]\n');
    expect(code).toBe(2);
    expect(complained()).toMatch(/33000\/1 \(Milk\) is in churn, to which nothing can be converted/);
    const plain = await checked('{ object: 33000, resources: { 1: plain } }', 'objects: [ddf]\n');
    expect(plain.code).toBe(0);
    expect(plain.printed()).toMatch(/\/33000\/0\/1 +Milk +R +churn +<- plain/);
  });

  test('have to be there', async () => {
    const { code, complained } = await checked(OBJECT);
    expect(code).toBe(2);
    expect(complained()).toMatch(/meter\.yaml:10:\d+ .*there is no object 33000 in the registry/);
  });

  test('that are broken are told with file, line and column, among all other faults', async () => {
    const file = await put('ddf/milk.xml', writeDdf(MILK).replace('>Float<', '>Flaot<'));
    const { code, complained } = await checked(OBJECT, 'objects: [ddf]\n');
    expect(code).toBe(2);
    expect(complained().split('\n')[0]).toMatch(/^.*:18:9: Type "Flaot"; allowed: String, Integer, /);
    expect(complained()).toContain(`${file}:18:9`);
  });
});

test('an object to store in has to be defined, and no more than a store', async () => {
  await put('profiles/meter.yaml', profile('{ object: 3331, resources: { 5805: energy } }'));
  const text = config('').replace('  servers:', '  storedObjects: [16, 3, 42000]\n  servers:');
  const out = listen();
  expect(await check(await put('gateway.yaml', text), [], out)).toBe(2);
  const said = out.complained();
  expect(said).toContain('gateway.yaml:3:23 upstream.storedObjects[1]: this object is more than a store');
  expect(said).toContain('gateway.yaml:3:26 upstream.storedObjects[2]: nobody has defined this object');
});

test('a certificate that is out of date is told with its place, and is no reason not to start', async () => {
  const key = ecKey();
  const ca = issueCa({ subject: 'ca', key: ecKey() });
  const old = issue({ subject: 'gw', key, issuer: ca, from: new Date(0), to: new Date(1e12) });
  await put('ca.pem', new X509Certificate(ca.der).toString());
  await put('gw.pem', new X509Certificate(old.der).toString());
  await put('gw.key', key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  const credentials = '{ caFile: ca.pem, certificateFile: gw.pem, privateKeyFile: gw.key }';
  const server = `{ uri: "coaps://127.0.0.1", credentials: ${credentials} }`;
  const out = listen();
  const file = await put('gateway.yaml', `upstream: { endpoint: gw, servers: [ ${server} ] }\n`);
  expect(await check(file, [], out)).toBe(2);
  expect(out.complained()).toMatch(
    /^\S+gateway.yaml:1:\d+ upstream\.servers\[0\]\.credentials\.certificateFile: the certificate of CN=gw expired on Sep {2}9 /,
  );
  expect((await loadPlan(file)).faults).toEqual([]);
});
