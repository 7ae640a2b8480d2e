import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ObjectsOptions, objects } from '../../src/cli/objects.ts';
import { omaRegistry, readDdf, writeDdf } from '../../src/model/index.ts';
import { listen } from './output.ts';

const PLAIN: ObjectsOptions = { json: false, ddf: false, objects: [] };

async function printed(words: readonly string[], options: Partial<ObjectsOptions> = {}): Promise<string> {
  const out = listen();
  expect(await objects(words, { ...PLAIN, ...options }, out)).toBe(0);
  expect(out.complained()).toBe('');
  return out.printed();
}

describe('objects', () => {
  test('alone lists every object with its name and versions', async () => {
    const lines = (await printed([])).split('\n');
    expect(lines.length).toBe(omaRegistry().objects.length);
    expect(lines).toContainEqual(expect.stringMatching(/^3 +Device +1\.2, 1\.1, 1\.0$/));
    expect(lines).toContainEqual(expect.stringMatching(/^10242 +3-Phase Power Meter +1\.0$/));
  });

  test('with words lists those that have all of them in their names', async () => {
    expect((await printed(['METER', 'power'])).split('\n')).toEqual([
      '10242  3-Phase Power Meter       1.0',
      '10243  Single-Phase Power Meter  2.0, 1.0',
    ]);
  });

  test('with an id prints the newest version and names the others', async () => {
    expect(await printed(['3342'])).toBe(
      [
        '3342 On/Off switch 1.1: multiple instances, optional, urn:oma:lwm2m:ext:3342:1.1',
        'versions: 1.1, 1.0',
        '',
        'id    name                   operations  type     instances  presence   unit  range',
        '5500  Digital Input State    R           boolean  single     mandatory',
        '5501  Digital Input Counter  R           integer  single     optional',
        '5518  Timestamp              R           time     single     optional',
        '5750  Application Type       RW          string   single     optional',
        '5852  On time                RW          integer  single     optional   s',
        '5854  Off Time               RW          integer  single     optional   s',
        '6050  Fractional Timestamp   R           float    single     optional   s     0..1',
      ].join('\n'),
    );
  });

  test('with a path prints the object in it', async () => {
    expect(await printed(['/d01/3303/0/5700'])).toBe(await printed(['3303']));
  });

  test('with an id and a version prints that one', async () => {
    expect(await printed(['3'], { version: '1.0' })).toMatch(
      /^3 Device 1\.0: .*\nversions: 1\.2, 1\.1, 1\.0\n/,
    );
    expect(await printed(['3'], { version: '1.0' })).toMatch(/^9 +Battery Level .* % +0-100$/m);
  });

  test('as JSON', async () => {
    const one = JSON.parse(await printed(['10242'], { json: true }));
    expect(one).toMatchObject({
      id: 10242,
      name: '3-Phase Power Meter',
      version: '1.0',
      versions: ['1.0'],
      urn: 'urn:oma:lwm2m:x:10242',
      multiple: true,
      mandatory: false,
    });
    expect(one.resources.find(({ id }: { id: number }) => id === 34)).toEqual({
      id: 34,
      name: '3-Phase Active Power',
      operations: 'R',
      type: 'float',
      multiple: false,
      mandatory: false,
      range: '',
      unit: 'kW',
    });
    expect(JSON.parse(await printed(['gas', 'meter'], { json: true }))).toEqual([
      { id: 3423, name: 'Gas meter', versions: ['1.1', '1.0'] },
    ]);
  });

  test('as XML that reads back as the same object', async () => {
    expect(readDdf(`${await printed(['3424'], { ddf: true })}\n`, 'x')).toEqual([omaRegistry().find(3424)]);
    const older = await printed(['3424'], { ddf: true, version: '1.0' });
    expect(readDdf(older, 'x')).toEqual([omaRegistry().find(3424, '1.0')]);
  });

  test.each([
    [['99'], {}, 'there is no object 99 in the registry'],
    [['3'], { version: '1.7' }, 'object 3 has no version 1.7, only 1.2, 1.1, 1.0'],
    [
      ['no', 'such', 'thing'],
      {},
      'no object has no such thing in its name; an id prints one object (objects 3303), no word lists all',
    ],
    [['meter'], { ddf: true }, 'name one object by its id, as in: objects 3424 --ddf'],
    [[], { version: '1.0' }, 'name one object by its id, as in: objects 3424 --ddf'],
  ])('%j %j is refused', async (words, options, message) => {
    await expect(objects(words, { ...PLAIN, ...options }, listen())).rejects.toMatchObject({
      code: 'cli.unknown-object',
      message,
    });
  });
});

describe('objects with definitions of a user', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-'));
    const [water] = omaRegistry().versions(3424);
    if (water === undefined) throw new Error('no object 3424');
    await writeFile(join(folder, 'own.xml'), writeDdf({ ...water, id: 33000, name: 'Milk meter' }));
    await writeFile(join(folder, 'notes.txt'), 'no XML');
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('knows them, from a folder and from a file', async () => {
    expect(await printed(['milk'], { objects: [folder] })).toBe('33000  Milk meter  1.1');
    expect(await printed(['33000'], { objects: [join(folder, 'own.xml')] })).toMatch(
      /^33000 Milk meter 1\.1: /,
    );
  });

  test('says which file is broken, and where', async () => {
    const file = join(folder, 'notes.txt');
    await expect(objects([], { ...PLAIN, objects: [file] }, listen())).rejects.toMatchObject({
      code: 'model.bad-ddf',
      message: expect.stringContaining(`${file}:1:1: `),
    });
  });

  test('says what cannot be read', async () => {
    await expect(objects([], { ...PLAIN, objects: ['/no/such'] }, listen())).rejects.toMatchObject({
      code: 'cli.unreadable',
    });
  });
});
