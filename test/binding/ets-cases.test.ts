import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Attached, type AttachOptions, attachServer } from '../support/attach.ts';
import { type CatalogueClient, catalogueClient } from '../support/device-tree.ts';
import type { Incoming } from '../support/lockstep.ts';

/**
 * Device management as the OMA test catalogue asks for it (ETS for LwM2M 1.1 and 1.2, `int-N`), and beyond it (`X`), on
 * the wire. Payloads are written and compared as bytes or text, never by our codec.
 */

const TEXT = 0;
const LINK = 40;
const OPAQUE = 42;
const CBOR = 60;
const SENML_JSON = 110;
const SENML_CBOR = 112;
const ETCH_JSON = 320;
const ETCH_CBOR = 322;
const TLV = 11542;
const LWM2M_JSON = 11543;
const LWM2M_CBOR = 11544;

let client: CatalogueClient;
let at: Attached;

async function attach(options: AttachOptions = {}): Promise<void> {
  await at?.close();
  at = await attachServer({ trees: (prefix) => (prefix === '' ? [client.tree] : []) }, options);
}

beforeEach(async () => {
  client = catalogueClient();
  at = await attachServer({ trees: (prefix) => (prefix === '' ? [client.tree] : []) });
});

afterEach(async () => {
  await at.close();
});

const hex = (bytes: string): Buffer => Buffer.from(bytes.replaceAll(' ', ''), 'hex');
const text = ({ payload }: Incoming): string => payload.toString();
const bytes = ({ payload }: Incoming): string => payload.toString('hex');
const value = async (path: string): Promise<string> => text(await at.get(path, TEXT));
const discover = async (path: string): Promise<string> => text(await at.get(path, LINK));
const attributes = async (path: string): Promise<string> => (await at.server.ask('0.03', path)).code;
const execute = (path: string, more: { payload?: string; contentFormat?: number } = {}): Promise<Incoming> =>
  at.server.ask('0.02', path, more);
const fetch = (contentFormat: number, payload: string | Buffer, accept?: number): Promise<Incoming> =>
  at.server.ask('0.05', '/', { contentFormat, payload, ...(accept === undefined ? {} : { accept }) });
const ipatch = (contentFormat: number, payload: string | Buffer): Promise<Incoming> =>
  at.server.ask('0.07', '/', { contentFormat, payload });
const names = (...paths: string[]): string => JSON.stringify(paths.map((n) => ({ n })));

/** SenML JSON as a map from whole names to values. */
function senml(message: Incoming): Record<string, unknown> {
  let base = '';
  const records = JSON.parse(text(message)) as Record<string, unknown>[];
  return Object.fromEntries(
    records.map(({ bn, n = '', v, vs, vb, vd, vlo }) => {
      base = (bn as string | undefined) ?? base;
      return [base + String(n), v ?? vs ?? vb ?? vd ?? vlo];
    }),
  );
}

/** The query and the links of the next registration Update; there is no second one soon after. */
async function onlyUpdate(): Promise<{ query: readonly string[]; links: string }> {
  const update = await at.server.nextRequest(2000);
  expect([update.code, update.path]).toEqual(['0.02', 'rd/1']);
  at.server.respond(update, '2.04');
  await expect(at.server.nextRequest(60)).rejects.toThrow('no request');
  return { query: update.query, links: text(update) };
}

describe('reading', () => {
  test('int-201 resources of the Device object as text', async () => {
    expect([await value('/3/0/0'), await value('/3/0/1'), await value('/3/0/2')]).toEqual([
      'maker',
      'model',
      '007',
    ]);
  });

  test('int-203 the Device object as TLV', async () => {
    const answer = await at.get('/3/0', TLV);
    expect(answer.contentFormat).toBe(TLV);
    expect(bytes(answer)).toBe(
      hex(
        'C5 00 6D616B6572 C5 01 6D6F64656C C3 02 303037 C3 03 312E30 86 06 41 00 01 41 01 02' +
          '88 07 08 42 00 0CE4 42 01 1388 86 08 41 00 0A 41 01 14 C1 09 50 83 0B 41 00 00' +
          'C4 0D 6553F100 C1 10 55 86 16 44 00 0003 0000',
      ).toString('hex'),
    );
  });

  test('int-204 the Device object in the JSON of 1.0', async () => {
    const answer = await at.get('/3/0', LWM2M_JSON);
    expect([answer.code, answer.contentFormat]).toEqual(['2.05', LWM2M_JSON]);
    const { bn, e } = JSON.parse(text(answer)) as { bn: string; e: { n: string; sv?: string }[] };
    expect(e.find(({ n }) => `${bn}${n}` === '/3/0/0')?.sv).toBe('maker');
  });

  test('int-211 single values as CBOR', async () => {
    expect(bytes(await at.get('/1/0/0', CBOR))).toBe('01');
    expect(bytes(await at.get('/1/0/6', CBOR))).toBe('f4');
    expect(bytes(await at.get('/1/0/7', CBOR))).toBe('6155');
  });

  test('int-221 nothing of the Security object is shown or changed', async () => {
    expect((await at.get('/0')).code).toBe('4.01');
    expect((await at.put('/0/0/0', TEXT, 'coap://other')).code).toBe('4.01');
    expect(await attributes('/0?pmin=30&pmax=45')).toBe('4.01');
    expect((await at.get('/0', LINK)).code).toBe('4.01');
    expect((await at.get('/21')).code).toBe('4.01');
  });

  test.each([
    ['int-222', '/1', ['/1/0/0', '/1/0/7']],
    ['int-222', '/3', ['/3/0/0', '/3/0/11/0']],
    ['int-223', '/1/0', ['/1/0/1', '/1/0/6']],
    ['int-225', '/3/0/11/0', ['/3/0/11/0']],
  ])('%s %s with all that is in it', async (_id, path, some) => {
    const found = Object.keys(senml(await at.get(path, SENML_JSON)));
    expect(found).toEqual(expect.arrayContaining(some));
    expect(found.every((name) => name.startsWith(path))).toBe(true);
  });

  test('int-224 single resources', async () => {
    expect([
      await value('/1/0/0'),
      await value('/1/0/1'),
      await value('/1/0/7'),
      await value('/3/0/16'),
    ]).toEqual(['1', '86400', 'U', 'U']);
    expect(await value('/1/0/6')).toBe('0');
  });

  test.each([
    ['int-231', SENML_JSON],
    ['int-232', SENML_CBOR],
  ])('%s every level in format %i', async (_id, format) => {
    for (const path of ['/1', '/3/0', '/3/0/16', '/3/0/11/0']) {
      const answer = await at.get(path, format);
      expect([path, answer.code, answer.contentFormat]).toEqual([path, '2.05', format]);
    }
    expect(bytes(await at.get('/3/0/16', SENML_CBOR))).toBe('81a200672f332f302f3136036155');
  });

  test('int-237 without Accept the format is ours to choose', async () => {
    for (const path of ['/1', '/3']) expect((await at.get(path)).code).toBe('2.05');
  });

  test('X2, X7, X8 what cannot be read', async () => {
    expect((await at.get('/3/0/0', 9999)).code).toBe('4.06');
    expect((await at.get('/3/0/0/0')).code).toBe('4.05');
    expect((await at.get('/3/0/4')).code).toBe('4.05');
    expect((await at.get('/3/0/5')).code).toBe('4.04');
    expect((await at.get('/3/0/6/9')).code).toBe('4.04');
    expect((await at.get('/3/65535')).code).toBe('4.05');
  });

  test('what is wrong first is said first: instance, resource, then format (digest 8.1)', async () => {
    expect((await at.get('/3/9/4', 9999)).code).toBe('4.04');
    expect((await at.get('/3/0/99', 9999)).code).toBe('4.04');
    expect((await at.get('/3/0/4', 9999)).code).toBe('4.05');
    expect((await at.put('/3/0/0', 9999, 'x')).code).toBe('4.05');
    expect((await at.put('/3/0/99', 9999, 'x')).code).toBe('4.04');
    expect((await execute('/3/0/99', { contentFormat: OPAQUE, payload: 'x' })).code).toBe('4.04');
  });

  test('an object without instances is an empty content', async () => {
    expect(text(await at.get('/16', SENML_JSON))).toBe('[]');
    expect(bytes(await at.get('/16', LWM2M_CBOR))).toBe('a0');
    expect((await at.get('/16', TLV)).code).toBe('2.05');
  });
});

describe('writing', () => {
  test('int-205 single resources as text', async () => {
    for (const [path, payload] of [
      ['/1/0/2', '101'],
      ['/1/0/3', '1010'],
      ['/1/0/5', '2000'],
    ] as const) {
      expect((await at.put(path, TEXT, payload)).code).toBe('2.04');
      expect(await value(path)).toBe(payload);
    }
    expect(bytes(await at.get('/1/0', TLV))).toBe(
      hex('C1 00 01 C4 01 00015180 C1 02 65 C2 03 03F2 C2 05 07D0 C1 06 00 C1 07 55').toString('hex'),
    );
  });

  test('int-212 single resources as CBOR', async () => {
    expect((await at.put('/1/0/2', CBOR, hex('1865'))).code).toBe('2.04');
    expect((await at.put('/1/0/3', CBOR, hex('1903F2'))).code).toBe('2.04');
    expect((await at.put('/1/0/6', CBOR, hex('F5'))).code).toBe('2.04');
    expect([await value('/1/0/2'), await value('/1/0/3'), await value('/1/0/6')]).toEqual([
      '101',
      '1010',
      '1',
    ]);
  });

  test('int-215 part of an instance as TLV', async () => {
    const payload = hex('C1 02 65 C2 03 03 F2 C2 05 07 D0 C1 06 01 C1 07 55');
    expect((await at.post('/1/0', TLV, payload)).code).toBe('2.04');
    const found = senml(await at.get('/1/0', SENML_JSON));
    expect(found).toEqual({
      '/1/0/0': 1,
      '/1/0/1': 86_400,
      '/1/0/2': 101,
      '/1/0/3': 1010,
      '/1/0/5': 2000,
      '/1/0/6': true,
      '/1/0/7': 'U',
    });
  });

  test('int-220 the same in the JSON of 1.0', async () => {
    const payload = '{"bn":"/1/0/","e":[{"n":"2","v":101},{"n":"3","v":1010},{"n":"6","bv":true}]}';
    expect((await at.post('/1/0', LWM2M_JSON, payload)).code).toBe('2.04');
    expect([await value('/1/0/2'), await value('/1/0/3'), await value('/1/0/6')]).toEqual([
      '101',
      '1010',
      '1',
    ]);
  });

  test('int-226 a new lifetime within an instance is told by one Update', async () => {
    expect((await at.post('/1/0', TLV, hex('C1 01 3D C1 06 01'))).code).toBe('2.04');
    expect((await onlyUpdate()).query).toEqual(['lt=61']);
    expect([await value('/1/0/1'), await value('/1/0/6')]).toEqual(['61', '1']);
  });

  test('int-227 a new lifetime as a resource', async () => {
    expect((await at.put('/1/0/1', TEXT, '63')).code).toBe('2.04');
    expect((await onlyUpdate()).query).toEqual(['lt=63']);
    expect(await value('/1/0/1')).toBe('63');
  });

  test.each([
    ['PUT', '0.03'],
    ['POST', '0.02'],
  ])('int-228 one resource instance by %s, and only that', async (_name, code) => {
    await at.post('/16', TLV, hex('08 00 0A 88 00 07 41 00 61 42 01 62 62'));
    await onlyUpdate();
    expect((await at.server.ask(code, '/16/0/0/1', { contentFormat: TEXT, payload: 'test' })).code).toBe(
      '2.04',
    );
    expect(senml(await at.get('/16/0', SENML_JSON))).toEqual({ '/16/0/0/0': 'a', '/16/0/0/1': 'test' });
  });

  test.each([
    ['int-233', SENML_CBOR, hex('82A3 21 65 2F312F302F 00 61 31 02 183E A2 00 61 36 04 F5')],
    ['int-234', SENML_JSON, '[{"bn":"/1/0/","n":"1","v":62},{"n":"6","vb":true}]'],
  ])('%s a partial update in format %i', async (_id, format, payload) => {
    expect((await at.post('/1/0', format, payload)).code).toBe('2.04');
    expect((await onlyUpdate()).query).toEqual(['lt=62']);
    expect(await value('/1/0/6')).toBe('1');
  });

  test('int-256 what is read-only stays', async () => {
    expect((await at.put('/1/0/0', TEXT, '123')).code).toBe('4.05');
    expect(await value('/1/0/0')).toBe('1');
  });

  test('X3, X4 a format that nobody knows, and a value that is none', async () => {
    expect((await at.put('/1/0/1', 9999, '1')).code).toBe('4.15');
    expect((await at.put('/1/0/1', TEXT, 'abc')).code).toBe('4.00');
    expect((await at.server.ask('0.03', '/1/0/1', { payload: '5' })).code).toBe('4.15');
    expect(await value('/1/0/1')).toBe('86400');
  });

  test('X5, X6 a read-only resource refuses all, an unknown one is skipped', async () => {
    expect((await at.put('/1/0', TLV, hex('C1 00 05 C1 02 07'))).code).toBe('4.05');
    expect(await value('/1/0/2')).toBe('1');
    expect((await at.post('/1/0', TLV, hex('C1 02 07 E1 27 0F 05'))).code).toBe('2.04');
    expect(await value('/1/0/2')).toBe('7');
  });

  test('PUT replaces an instance: what is optional and not named goes, what is mandatory must be there', async () => {
    expect((await at.put('/1/0', TLV, hex('C1 02 07'))).code).toBe('4.00');
    expect((await at.put('/1/0', TLV, hex('C1 01 3C C1 06 01 C1 07 55'))).code).toBe('2.04');
    expect((await at.get('/1/0/2')).code).toBe('4.04');
    expect(await value('/1/0/0')).toBe('1');
  });

  test('POST adds to a multiple resource, PUT replaces it (OMA Core 1.2 6.3.3)', async () => {
    await at.post('/16', TLV, hex('88 00 07 41 00 61 42 01 62 62'));
    await onlyUpdate();
    expect((await at.post('/16/0/0', TLV, hex('83 00 41 02 63'))).code).toBe('2.04');
    expect(senml(await at.get('/16/0/0', SENML_JSON))).toEqual({
      '/16/0/0/0': 'a',
      '/16/0/0/1': 'bb',
      '/16/0/0/2': 'c',
    });
    expect((await at.put('/16/0/0', LWM2M_CBOR, hex('A1 83 10 00 00 A1 07 61 7A'))).code).toBe('2.04');
    expect(senml(await at.get('/16/0/0', SENML_JSON))).toEqual({ '/16/0/0/7': 'z' });
    expect((await at.put('/16/0/0', TEXT, 'x')).code).toBe('4.00');
    expect((await at.post('/16/0/0', TEXT, 'x')).code).toBe('4.05');
    expect((await at.put('/16/0/0', TLV, hex('80 00'))).code).toBe('4.00');
  });

  test('an empty partial update changes nothing, an object cannot be written', async () => {
    expect((await at.post('/1/0', TLV, '')).code).toBe('2.04');
    expect((await at.post('/1/0', SENML_JSON, '[]')).code).toBe('2.04');
    expect((await at.put('/1', TLV, hex('C1 02 07'))).code).toBe('4.05');
    expect(await value('/1/0/2')).toBe('1');
  });

  test('X45 whole numbers keep their last digit in every format', async () => {
    const largest = '9223372036854775807';
    await at.post('/19', TLV, hex('83 00 41 00 FF'));
    await onlyUpdate();
    for (const [format, payload] of [
      [TEXT, largest],
      [CBOR, hex('1B 7FFFFFFFFFFFFFFF')],
      [TLV, hex('C8 02 08 7FFFFFFFFFFFFFFF')],
      [SENML_JSON, `[{"n":"/19/0/2","v":${largest}}]`],
      [SENML_CBOR, hex('81 A2 00 67 2F31392F302F32 02 1B 7FFFFFFFFFFFFFFF')],
      [LWM2M_CBOR, hex('A1 83 13 00 02 1B 7FFFFFFFFFFFFFFF')],
    ] as const) {
      await at.put('/19/0/2', TEXT, '0');
      expect([format, (await at.put('/19/0/2', format, payload)).code]).toEqual([format, '2.04']);
      expect([format, await value('/19/0/2')]).toEqual([format, largest]);
    }
    expect((await at.put('/19/0/2', TEXT, '9223372036854775808')).code).toBe('4.00');
  });

  test('X46 names are put together from base name and name, and times of a write mean nothing', async () => {
    const payload = '[{"bn":"/1/0/","bt":1700000000,"n":"2","v":5},{"n":"3","t":-10,"v":6}]';
    expect((await at.post('/1/0', SENML_JSON, payload)).code).toBe('2.04');
    expect([await value('/1/0/2'), await value('/1/0/3')]).toEqual(['5', '6']);
  });

  test.each([
    ['one key', 'A1 83 01 00 02 08'],
    ['nested', 'A1 01 A1 00 A1 02 08'],
    ['indefinite', 'BF 01 BF 00 BF 02 08 FF FF FF'],
    ['an array of one', 'A1 82 01 00 A1 81 02 08'],
  ])('X47 LwM2M CBOR, %s', async (_name, payload) => {
    expect((await at.post('/1/0', LWM2M_CBOR, hex(payload))).code).toBe('2.04');
    expect(await value('/1/0/2')).toBe('8');
  });
});

describe('executing', () => {
  test('int-241 Reboot is answered and then done', async () => {
    expect((await execute('/3/0/4')).code).toBe('2.04');
    expect(client.executed).toEqual(['reboot']);
  });

  test('X9 what is no executable is not run', async () => {
    expect((await execute('/3/0/0')).code).toBe('4.05');
    expect((await execute('/3/0')).code).toBe('4.05');
  });

  test.each(['0=1', '0,0', 'a', "0='x", "0='a'b", ',1'])(
    'X17 %j is no list of arguments',
    async (payload) => {
      expect((await execute('/3/0/4', { contentFormat: TEXT, payload })).code).toBe('4.00');
      expect(client.executed).toEqual([]);
    },
  );

  test.each(['', '5', "0='x'", "2='10.3',5"])('%j is one (OMA Core 1.2 6.3.5)', async (payload) => {
    expect((await execute('/3/0/4', { contentFormat: TEXT, payload })).code).toBe('2.04');
  });

  test('X18 arguments are text', async () => {
    expect((await execute('/3/0/4', { contentFormat: OPAQUE, payload: '1' })).code).toBe('4.15');
    expect(client.executed).toEqual([]);
  });
});

describe('discovering and attributes', () => {
  test('int-260 attributes are shown where they are, and on the target those above it as well', async () => {
    expect(await discover('/3?depth=0')).toBe('</3>');
    expect(await attributes('/3?pmin=10&pmax=200')).toBe('2.04');
    expect((await discover('/3/0')).split(',')[0]).toBe('</3/0>;pmin=10;pmax=200');
    expect(await attributes('/3/0/7?lt=1&gt=6&st=1')).toBe('2.04');
    expect(await discover('/3/0')).toContain('</3/0/7>;dim=2;');
    expect((await discover('/3/0/7?depth=0')).split(';').sort()).toEqual(
      ['</3/0/7>', 'pmin=10', 'pmax=200', 'dim=2', 'lt=1', 'gt=6', 'st=1'].sort(),
    );
  });

  test('int-261 the nearest attribute counts', async () => {
    expect(await attributes('/3?pmin=10&pmax=200')).toBe('2.04');
    expect(await attributes('/3/0?pmax=320')).toBe('2.04');
    expect(await attributes('/3/0/11/0?pmax=100&epmin=1&epmax=20')).toBe('2.04');
    expect(await discover('/3/0/11')).toBe(
      '</3/0/11>;dim=1;pmin=10;pmax=320,</3/0/11/0>;pmax=100;epmin=1;epmax=20',
    );
  });

  test('int-264, int-266 depth', async () => {
    expect(await discover('/3?depth=1')).toBe('</3>,</3/0>');
    await attributes('/3/0?pmax=200');
    expect(await discover('/3?depth=1')).toBe('</3>,</3/0>;pmax=200');
    await attributes('/3/0/7/1?gt=8');
    expect(await discover('/3?depth=2')).not.toContain('</3/0/7/1>');
    expect(await discover('/3?depth=3')).toContain('</3/0/7>;dim=2,</3/0/7/0>,</3/0/7/1>;gt=8');
    expect((await at.get('/3?depth=4', LINK)).code).toBe('4.00');
  });

  test('executables and what is only declared: the one is listed, the other is not', async () => {
    expect(await discover('/1/0')).toBe(
      '</1/0>,</1/0/0>,</1/0/1>,</1/0/2>,</1/0/3>,</1/0/5>,</1/0/6>,</1/0/7>,</1/0/8>',
    );
    expect((await at.get('/3/0/7/0', LINK)).code).toBe('4.05');
    expect((await at.get('/3/0/5', LINK)).code).toBe('4.04');
  });

  test.each([
    ['X10', '/3/0/9?pmin=1&foo=2', '4.00'],
    ['X11', '/3/0/9?gt=5&lt=10', '4.00'],
    ['X12', '/3/0/9?lt=1&gt=6&st=3', '4.00'],
    ['X13', '/3/0?gt=1', '4.00'],
    ['X14', '/3/0/9?pmin=20&pmax=10', '2.04'],
    ['X15', '/3/0/9?pmin', '2.04'],
    ['X16', '/3/0/0?gt=1', '4.00'],
    ['', '/3/0/9?pmin=1&pmin=2', '4.00'],
    ['', '/3/0/9?pmin=', '4.00'],
    ['', '/3/7?pmin=1', '4.04'],
    ['', '/16?pmin=1', '2.04'],
  ])('%s Write-Attributes %s is %s', async (_id, path, code) => {
    expect(await attributes(path)).toBe(code);
  });
});

describe('composites', () => {
  test('int-229, int-280 exactly what is named, at every level', async () => {
    const answer = await fetch(SENML_JSON, names('/3/0/16', '/3/0/11/0', '/1/0'));
    expect([answer.code, answer.contentFormat]).toEqual(['2.05', SENML_JSON]);
    expect(senml(answer)).toEqual({
      '/3/0/16': 'U',
      '/3/0/11/0': 0,
      '/1/0/0': 1,
      '/1/0/1': 86_400,
      '/1/0/2': 1,
      '/1/0/3': 10,
      '/1/0/5': 86_400,
      '/1/0/6': false,
      '/1/0/7': 'U',
    });
  });

  test('int-235 the root is everything but what no server sees', async () => {
    const found = Object.keys(senml(await fetch(ETCH_JSON, names('/'))));
    expect(found).toEqual(expect.arrayContaining(['/1/0/1', '/3/0/0', '/3/0/11/0']));
    expect(new Set(found).size).toBe(found.length);
  });

  test('int-236, int-281 what is not there or cannot be read is left out', async () => {
    const missing = names('/3/0/16', '/3339/0/5522', '/3353/0/6030');
    expect(senml(await fetch(SENML_JSON, missing))).toEqual({ '/3/0/16': 'U' });
    const unreadable = names('/1/0/1', '/1/0/7', '/1/0/8');
    expect(senml(await fetch(SENML_JSON, unreadable))).toEqual({ '/1/0/1': 86_400, '/1/0/7': 'U' });
    expect(text(await fetch(SENML_JSON, names('/3339/0')))).toBe('[]');
  });

  test('paths that overlap are told once', async () => {
    const answer = await fetch(SENML_JSON, names('/3/0/11/0', '/3/0/11', '/3/0/16', '/3/0/16'));
    expect(text(answer).match(/"v":0/g)).toHaveLength(1);
    expect(senml(answer)).toEqual({ '/3/0/11/0': 0, '/3/0/16': 'U' });
  });

  test.each([
    [ETCH_CBOR, undefined, SENML_CBOR],
    [ETCH_JSON, undefined, SENML_JSON],
    [SENML_CBOR, undefined, SENML_CBOR],
    [ETCH_CBOR, LWM2M_CBOR, LWM2M_CBOR],
  ])('a body in %i with Accept %s is answered in %i', async (format, accept, answered) => {
    const isJson = format === ETCH_JSON;
    const body = isJson ? names('/3/0/16') : hex('81 A1 00 67 2F332F302F3136');
    const answer = await fetch(format, body, accept);
    expect([answer.code, answer.contentFormat]).toEqual(['2.05', answered]);
    if (answered === LWM2M_CBOR) expect(bytes(answer)).toBe('a1830300106155');
  });

  test('X60 and other bodies that are no list of paths', async () => {
    expect((await fetch(ETCH_JSON, '[{"n":"/3/0/16","v":1}]')).code).toBe('4.00');
    expect((await fetch(ETCH_JSON, '[{"n":"nowhere"}]')).code).toBe('4.00');
    expect((await fetch(TLV, hex('C1 02 07'))).code).toBe('4.15');
    expect((await at.server.ask('0.05', '/', { payload: '[]' })).code).toBe('4.15');
    expect((await fetch(ETCH_JSON, names('/3/0/16'), TLV)).code).toBe('4.06');
    expect((await fetch(ETCH_JSON, names('/3/0/16'), ETCH_JSON)).code).toBe('4.06');
    expect((await at.server.ask('0.05', '/3', { contentFormat: ETCH_JSON, payload: names('/3') })).code).toBe(
      '4.05',
    );
    expect((await at.server.ask('0.06', '/', { contentFormat: ETCH_JSON, payload: '[]' })).code).toBe('4.05');
  });

  test('int-230 several objects in one write, told by one Update', async () => {
    await at.post('/16', TLV, hex('83 00 41 00 61'));
    await onlyUpdate();
    const payload =
      '[{"n":"/1/0/1","v":61},{"n":"/1/0/6","vb":true},{"n":"/16/0/0/0","vs":"w"},{"n":"/16/0/0/1","vs":"x"},' +
      '{"n":"/16/0/0/2","vs":"y"},{"n":"/16/0/0/3","vs":"z"}]';
    expect((await ipatch(SENML_JSON, payload)).code).toBe('2.04');
    expect((await onlyUpdate()).query).toEqual(['lt=61']);
    expect(senml(await fetch(SENML_JSON, names('/16', '/1/0/1', '/1/0/6')))).toEqual({
      '/16/0/0/0': 'w',
      '/16/0/0/1': 'x',
      '/16/0/0/2': 'y',
      '/16/0/0/3': 'z',
      '/1/0/1': 61,
      '/1/0/6': true,
    });
  });

  test('int-257 values of several objects, in the bytes of the catalogue', async () => {
    const payload = hex(
      '83 A3 21 61 2F 00 65 312F302F32 02 18 65 A2 00 65 312F302F36 04 F5 A2 00 66 332F302F3133 02 00',
    );
    expect((await ipatch(SENML_CBOR, payload)).code).toBe('2.04');
    expect([await value('/1/0/2'), await value('/1/0/6'), await value('/3/0/13')]).toEqual(['101', '1', '0']);
  });

  test.each([
    ['X38 a read-only resource', '4.05', '{"n":"/3/0/0","vs":"x"}'],
    ['an unknown resource', '4.04', '{"n":"/1/0/99","v":1}'],
    ['an unknown instance', '4.04', '{"n":"/1/7/2","v":1}'],
    ['an unknown object', '4.04', '{"n":"/3339/0/5522","v":1}'],
    ['the Security object', '4.01', '{"n":"/0/0/1","vb":true}'],
    ['a value of another type', '4.00', '{"n":"/1/0/3","vs":"ten"}'],
    ['the same path twice', '4.00', '{"n":"/1/0/2","v":9}'],
  ])('%s refuses all with %s', async (_name, code, record) => {
    expect((await ipatch(SENML_JSON, `[{"n":"/1/0/2","v":50},${record}]`)).code).toBe(code);
    expect(await value('/1/0/2')).toBe('1');
  });

  test('attributes of a resource instance, and of an instance, go with it (digest 8.5)', async () => {
    await at.post('/16', TLV, hex('88 00 06 41 00 61 41 01 62'));
    await onlyUpdate();
    const attached = async (): Promise<string> => text(await at.get('/16/0?depth=3', LINK));
    for (const path of [
      '/16?pmax=9',
      '/16/0?pmin=1',
      '/16/0/0?pmin=2',
      '/16/0/0/0?pmin=3',
      '/16/0/0/1?pmin=4',
    ])
      expect((await at.server.ask('0.03', path)).code).toBe('2.04');
    expect((await at.server.ask('0.04', '/16/0/0/1')).code).toBe('2.02');
    expect((await at.put('/16/0/0/1', TEXT, 'again')).code).toBe('2.04');
    expect(await attached()).toBe(
      '</16/0>;pmax=9;pmin=1,</16/0/0>;dim=2;pmin=2,</16/0/0/0>;pmin=3,</16/0/0/1>',
    );
    expect((await at.server.ask('0.04', '/16/0')).code).toBe('2.02');
    await onlyUpdate();
    await at.post('/16', TLV, hex('88 00 06 41 00 61 41 01 62'));
    await onlyUpdate();
    expect(await attached()).toBe('</16/0>;pmax=9,</16/0/0>;dim=2,</16/0/0/0>,</16/0/0/1>');
  });

  test('X39 null removes a resource instance, in SenML-ETCH and in LwM2M CBOR', async () => {
    await at.post('/16', TLV, hex('88 00 09 41 00 61 41 01 62 41 02 63'));
    await onlyUpdate();
    const etch = hex('82 A2 00 69 2F31362F302F302F31 02 F6 A2 00 66 2F312F302F31 02 18 78');
    expect((await ipatch(ETCH_CBOR, etch)).code).toBe('2.04');
    expect((await onlyUpdate()).query).toEqual(['lt=120']);
    expect(senml(await at.get('/16/0', SENML_JSON))).toEqual({ '/16/0/0/0': 'a', '/16/0/0/2': 'c' });
    expect((await ipatch(LWM2M_CBOR, hex('A1 84 10 00 00 02 F6'))).code).toBe('2.04');
    expect(senml(await at.get('/16/0', SENML_JSON))).toEqual({ '/16/0/0/0': 'a' });
    // Removing what is not there is no fault; leaving a mandatory resource without a value is.
    expect((await ipatch(ETCH_JSON, '[{"n":"/16/0/0/9","v":null}]')).code).toBe('2.04');
    expect((await ipatch(ETCH_JSON, '[{"n":"/16/0/0/0","v":null}]')).code).toBe('4.05');
    expect((await ipatch(ETCH_JSON, '[{"n":"/1/0/2","v":null}]')).code).toBe('4.00');
  });

  test('a server of 1.0 has no composites, and none of 1.1 removes resource instances', async () => {
    await attach({ release: '1.0' });
    expect((await fetch(SENML_JSON, names('/3/0/16'))).code).toBe('4.05');
    expect((await ipatch(SENML_JSON, '[]')).code).toBe('4.05');
    await attach({ release: '1.1' });
    expect((await fetch(SENML_JSON, names('/3/0/16'))).code).toBe('2.05');
    expect((await at.server.ask('0.04', '/3/0/6/0')).code).toBe('4.05');
  });
});

describe('creating and deleting', () => {
  const identities = hex(
    `08 01 2E 88 00 2B 48 00 11 ${Buffer.from('host device ident').toString('hex')} 48 01 14 ${Buffer.from('host manufacturer id').toString('hex')}`,
  );

  test('int-1900 int-1901 opaque data is kept and observed', async () => {
    const container = (id: number, data: string): Buffer => hex(`08 0${id} 06 88 00 03 41 00 ${data}`);
    expect((await at.post('/19', TLV, container(0, '01'))).code).toBe('2.01');
    await onlyUpdate();
    const first = await at.server.ask('0.01', '/19/0/0/0', { accept: 42, observe: 0 });
    expect(bytes(first)).toBe('01');
    expect(
      (await at.server.ask('0.03', '/19/0/0/0', { payload: hex('02 FF'), contentFormat: 42 })).code,
    ).toBe('2.04');
    expect(bytes(await at.server.nextNotification(first.token))).toBe('02ff');
    expect((await at.post('/19', TLV, container(1, '07'))).code).toBe('2.01');
    await onlyUpdate();
    expect((await at.server.ask('0.03', '/19/1/0/0', { payload: hex('08'), contentFormat: 42 })).code).toBe(
      '2.04',
    );
    expect(bytes(await at.get('/19/1/0/0', 42))).toBe('08');
  });

  test('int-1630, int-1635 an instance with the id of the payload, and all gone again', async () => {
    const created = await at.post('/16', TLV, identities);
    expect([created.code, created.location]).toEqual(['2.01', '16/1']);
    expect((await onlyUpdate()).links).toBe('</1/0>,</3/0>,</16/1>,</19>');
    expect(await discover('/16/1')).toBe('</16/1>,</16/1/0>;dim=2');
    expect(senml(await at.get('/16/1', SENML_JSON))).toEqual({
      '/16/1/0/0': 'host device ident',
      '/16/1/0/1': 'host manufacturer id',
    });
    expect((await at.server.ask('0.04', '/16/1')).code).toBe('2.02');
    expect((await onlyUpdate()).links).toBe('</1/0>,</3/0>,</16>,</19>');
    expect(await discover('/16')).toBe('</16>');
  });

  test.each([
    ['bare resources in TLV', TLV, hex('83 00 41 00 61')],
    ['65535 in LwM2M CBOR', LWM2M_CBOR, hex('A1 82 10 19FFFF A1 00 A1 00 61 61')],
    ['names without an instance', SENML_JSON, '[{"n":"/16/0/0","vs":"a"}]'],
  ])(
    'without an id of its own (%s) an instance gets the lowest that is free',
    async (_name, format, payload) => {
      for (const location of format === SENML_JSON ? [] : ['16/0', '16/1']) {
        expect((await at.post('/16', format, payload)).location).toBe(location);
        await onlyUpdate();
      }
    },
  );

  test('an id in SenML and in LwM2M CBOR', async () => {
    expect((await at.post('/16', SENML_JSON, '[{"n":"/16/3/0/0","vs":"a"}]')).location).toBe('16/3');
    await onlyUpdate();
    expect((await at.post('/16', LWM2M_CBOR, hex('A1 82 10 07 A1 00 A1 00 62 6161'))).location).toBe('16/7');
    await onlyUpdate();
  });

  test('int-680, int-685 the Device object is neither made nor deleted', async () => {
    expect((await at.post('/3', TLV, hex('C1 00 61'))).code).toBe('4.05');
    expect((await at.server.ask('0.04', '/3/0')).code).toBe('4.05');
    expect((await at.server.ask('0.04', '/1/0')).code).toBe('4.05');
    expect((await at.server.ask('0.04', '/3')).code).toBe('4.05');
    expect((await at.server.ask('0.04', '/3/7')).code).toBe('4.04');
    expect((await at.post('/3339', TLV, '')).code).toBe('4.04');
  });

  test('X42 and other payloads that make nothing', async () => {
    await at.post('/16', TLV, identities);
    await onlyUpdate();
    expect((await at.post('/16', TLV, identities)).code).toBe('4.00');
    expect((await at.post('/16', TLV, '')).code).toBe('4.00');
    expect((await at.post('/16', TLV, hex('03 05'))).code).toBe('4.00');
    expect((await at.post('/16', TLV, hex('05 05 83 00 41 00 61 05 06 83 00 41 00 61'))).code).toBe('4.00');
    expect((await at.post('/16', TEXT, 'a')).code).toBe('4.00');
    expect((await at.post('/16', 9999, 'a')).code).toBe('4.15');
    expect((await at.post('/19', TLV, hex(`83 00 41 00 FF C8 03 21 ${'61'.repeat(33)}`))).code).toBe('4.00');
    expect(await discover('/16?depth=1')).toBe('</16>,</16/1>');
    expect(await discover('/19?depth=1')).toBe('</19>');
  });

  test('what a server may not write is left out of what it creates, and what it leaves out can be written later', async () => {
    expect((await at.post('/16', TLV, hex('83 00 41 00 61 C1 03 02'))).code).toBe('2.01');
    await onlyUpdate();
    expect((await at.get('/16/0/3')).code).toBe('4.04');
    expect((await at.post('/19', TLV, hex('83 00 41 00 FF'))).code).toBe('2.01');
    await onlyUpdate();
    expect((await at.put('/19/0/3', TEXT, 'notes')).code).toBe('2.04');
    expect(await value('/19/0/3')).toBe('notes');
    expect(bytes(await at.get('/19/0/0/0', OPAQUE))).toBe('ff');
  });

  test('a resource instance can be deleted, but not the last of what is mandatory', async () => {
    await at.post('/16', TLV, identities);
    await onlyUpdate();
    expect((await at.server.ask('0.04', '/16/1/0/9')).code).toBe('4.04');
    expect((await at.server.ask('0.04', '/16/1/0/0')).code).toBe('2.02');
    expect((await at.get('/16/1/0/0')).code).toBe('4.04');
    expect((await at.server.ask('0.04', '/16/1/0/1')).code).toBe('4.05');
    expect((await at.server.ask('0.04', '/3/0/6/0')).code).toBe('4.05');
    expect((await at.server.ask('0.04', '/16/1/0')).code).toBe('4.05');
  });

  test('X26 what is deleted is said once to who observes it, with 4.04; who observes the object sees it go', async () => {
    await at.post('/16', TLV, identities);
    await onlyUpdate();
    const one = await at.server.ask('0.01', '/16/1?pmin=0', { observe: 0, accept: SENML_JSON });
    const instance = await at.server.ask('0.01', '/16/1/0/1?pmin=0', { observe: 0 });
    const object = await at.server.ask('0.01', '/16?pmin=0', { observe: 0, accept: SENML_JSON });
    expect((await at.server.ask('0.04', '/16/1/0/1')).code).toBe('2.02');
    expect((await at.server.nextNotification(instance.token)).code).toBe('4.04');
    expect(senml(await at.server.nextNotification(one.token))).toEqual({ '/16/1/0/0': 'host device ident' });
    await at.server.nextNotification(object.token);
    expect((await at.server.ask('0.04', '/16/1')).code).toBe('2.02');
    await onlyUpdate();
    const last = await at.server.nextNotification(one.token);
    expect([last.code, last.observe]).toEqual(['4.04', undefined]);
    expect(text(await at.server.nextNotification(object.token))).toBe('[]');
    expect(at.session.status.observations).toBe(1);
  });

  test('attributes go with the instance', async () => {
    await at.post('/16', TLV, identities);
    await onlyUpdate();
    expect(await attributes('/16/1?pmin=3')).toBe('2.04');
    await at.server.ask('0.04', '/16/1');
    await onlyUpdate();
    await at.post('/16', TLV, identities);
    await onlyUpdate();
    expect(await discover('/16/1?depth=0')).toBe('</16/1>');
  });
});
