import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { type DecodeOptions, decode } from '../../src/cli/decode.ts';
import { listen } from './output.ts';

const options = (format: string, more: Partial<DecodeOptions> = {}): DecodeOptions => ({
  format,
  path: '/',
  objects: [],
  ...more,
});

async function lines(hex: string, given: DecodeOptions): Promise<string[]> {
  const out = listen();
  expect(await decode(hex, given, out)).toBe(0);
  expect(out.complained()).toBe('');
  return out.printed().split('\n');
}

const hexOf = (text: string): string => Buffer.from(text).toString('hex');

test.each([
  [
    'SenML CBOR by number, with blanks in the hex',
    '83 A3 21 68 2F333330332F302F 00 64 35373030 02 FA 41AC0000 A2 00 64 35373031 03 63 43656C A2 00 64 35383530 04 F5',
    options('112'),
    [
      '/3303/0         Temperature 1.1',
      '  /3303/0/5700  Sensor Value     21.5',
      '  /3303/0/5701  Sensor Units     "Cel"',
      '  /3303/0/5850  ?                true',
    ],
  ],
  [
    'SenML CBOR with times',
    '83A3216C2F333330332F302F35373030221A6553F10002FA41AC0000A206383B02FA41A80000A206387702FA41A40000',
    options('senml-cbor', { path: '/3303/0/5700' }),
    [
      '/3303/0         Temperature 1.1',
      '  /3303/0/5700  Sensor Value     21.5    2023-11-14T22:13:20.000Z',
      '  /3303/0/5700  Sensor Value     21      2023-11-14T22:12:20.000Z',
      '  /3303/0/5700  Sensor Value     20.5    2023-11-14T22:11:20.000Z',
    ],
  ],
  [
    'LwM2M CBOR of several devices, in groups',
    'A2 846364303119280200182204 846364303219280200182205',
    options('lwm2m-cbor'),
    [
      '/d01/10242/0       3-Phase Power Meter 1.0',
      '  /d01/10242/0/34  3-Phase Active Power     4  kW',
      '/d02/10242/0       3-Phase Power Meter 1.0',
      '  /d02/10242/0/34  3-Phase Active Power     5  kW',
    ],
  ],
  [
    'TLV behind a prefix: the path tells whose it is; signs between bytes do not matter',
    '0x86 07:41-00,01 41 01 05 C1 09 64',
    options('tlv', { path: '/d01/3/0', objectVersion: '1.0' }),
    [
      '/d01/3/0        Device 1.0',
      '  /d01/3/0/7/0  Power Source Voltage  1    mV',
      '  /d01/3/0/7/1  Power Source Voltage  5    mV',
      '  /d01/3/0/9    Battery Level         100  %',
    ],
  ],
  [
    'text, as the path says what it is',
    hexOf('1700000000'),
    options('text', { path: '/3/0/13' }),
    ['/3/0       Device 1.2', '  /3/0/13  Current Time  1700000000 (2023-11-14T22:13:20.000Z)'],
  ],
  [
    'opaque values and object links',
    hexOf('[{"n":"/0/0/3","vd":"AQL-"},{"n":"/3/0/22/0","vlo":"3303:1"}]'),
    options('senml-json'),
    [
      '/0/0         LWM2M Security 1.2',
      '  /0/0/3     Public Key or Identity  3 bytes 0102fe',
      '/3/0         Device 1.2',
      '  /3/0/22/0  ExtDevInfo              3303:1',
    ],
  ],
  [
    'the paths of a Read-Composite',
    hexOf('[{"n":"/3/0"},{"n":"/d01/3303"}]'),
    options('320'),
    ['/3/0       Device 1.2', '/d01/3303  Temperature 1.1'],
  ],
  [
    'the values and removals of a Write-Composite',
    '82A200692F31362F302F302F3102F6A200662F312F302F31021878',
    options('senml-etch-cbor'),
    [
      '/1/0         LwM2M Server 1.2',
      '  /1/0/1     Lifetime          120      s',
      '/16/0        Portfolio 1.0',
      '  /16/0/0/1  Identity          removed',
    ],
  ],
  [
    'link format, as in Register',
    hexOf('</>;rt="oma.lwm2m";ct=112,</25>;ver=2.0,</25/0>,</d01/3303/0>'),
    options('40'),
    [
      '/                               rt=oma.lwm2m ct=112',
      '/25          LwM2M Gateway 2.0  ver=2.0',
      '/25/0        LwM2M Gateway 2.0',
      '/d01/3303/0  Temperature 1.1',
    ],
  ],
  ['a link with a slash at its end', hexOf('</3/>;ver=1.2'), options('link'), ['/3/  Device 1.2  ver=1.2']],
  [
    'JSON as it is',
    '[{"n":"/3/0/9", "v":80}]',
    options('SenML-JSON'),
    ['/3/0      Device 1.2', '  /3/0/9  Battery Level  80  /100'],
  ],
  [
    'a format by its number of before IANA',
    'C10950',
    options('1542', { path: '/3/0' }),
    ['/3/0      Device 1.2', '  /3/0/9  Battery Level  80  /100'],
  ],
  ['nothing', '80', options('112'), ['nothing in it']],
])('decode prints %s', async (_, hex, given, expected) => {
  expect(await lines(hex, given)).toEqual(expected);
});

test('a payload comes from a file as it is, or as hex from the input', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-'));
  const file = join(folder, 'payload');
  await writeFile(file, Buffer.from('C10904', 'hex'));
  const fromFile = await lines('', options('tlv', { path: '/3/0', file }));
  await rm(folder, { recursive: true });
  const out = listen();
  const input = Readable.from([Buffer.from('C1 09'), Buffer.from(' 04\n')]);
  expect(await decode('', options('tlv', { path: '/3/0' }), out, input)).toBe(0);
  expect(out.printed().split('\n')).toEqual(fromFile);
  expect(fromFile.at(-1)).toBe('  /3/0/9  Battery Level  4  /100');
});

test('a payload cannot steer the terminal', async () => {
  const [link] = await lines(hexOf('</3/0>;x="\u001b[2J\u009b1m"'), options('link'));
  expect(link).toBe('/3/0  Device 1.2  x=\\u001b[2J\\u009b1m');
});

test('what TLV cannot say without a definition is told', async () => {
  const out = listen();
  expect(await decode('C10904 E1FFF001', options('tlv', { path: '/3/0' }), out)).toBe(0);
  expect(out.printed()).toContain('/3/0/9');
  expect(out.complained()).toMatch(/: \/3\/0\/65520$/);
});

test.each([
  ['TLV of nobody knows what', 'C10950', options('tlv'), 'cli.nameless'],
  ['a text of nobody knows what', '35', options('text', { path: '/3/0' }), 'cli.nameless'],
  ['no hex', 'C1090', options('tlv', { path: '/3/0' }), 'cli.bad-hex'],
  ['no format', 'C1', options('xml'), 'cli.unknown-format'],
  ['a format of JavaScript', 'C1', options('constructor'), 'cli.unknown-format'],
  ['a number that is no format', 'C1', options('111'), 'cli.unknown-format'],
  ['no path', 'C1', options('tlv', { path: '3/0' }), 'model.bad-path'],
  ['bytes that end too early', 'C809', options('tlv', { path: '/3/0' }), 'codec.truncated'],
  ['names elsewhere', '81A200662F332F302F390201', options('112', { path: '/4' }), 'codec.outside-base'],
  [
    'a version that there is not',
    'C1',
    options('tlv', { path: '/3', objectVersion: '3.0' }),
    'cli.unknown-object',
  ],
  ['a version of nothing', '80', options('112', { objectVersion: '1.0' }), 'cli.unknown-object'],
  ['links that are none', hexOf('<'), options('link'), 'model.bad-link'],
  ['links that are no text', 'FF', options('link'), 'model.bad-link'],
  ['neither paths nor values', '81A10064', options('322'), 'codec.truncated'],
])('%s is refused with a code', async (_, hex, given, code) => {
  const out = listen();
  await expect(decode(hex, given, out)).rejects.toMatchObject({ code });
  expect(out.printed()).toBe('');
});

test('input without end is refused', async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(65536, '0');
  }
  await expect(decode('', options('112'), listen(), endless())).rejects.toMatchObject({
    code: 'cli.unreadable',
  });
});
