import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DateForm, type DatePart, packedDate } from '../../adapters/modbus/datetime.ts';
import { compileDevice } from '../../adapters/modbus/points.ts';
import { type Zone, zoneOf } from '../../adapters/modbus/zone.ts';
import { devicePlan, type PointKeys } from './support/plans.ts';

/** Dates in registers: CP56Time2a (IEC 60870-5-4), packed dates, seconds since 1970 (field rules 3.3, pitfall 23). */

const ALL: readonly DatePart[] = ['year', 'month', 'day', 'hour', 'minute', 'second'];

function fieldOf(keys: Partial<PointKeys>, zone = 'UTC') {
  const point = { table: 'holding', addr: 0, ...keys } as PointKeys;
  const { fields, faults } = compileDevice(
    devicePlan({ p: point }, { protocol: { addressing: 'pdu0', zone } }),
  );
  if (faults.length > 0) throw new Error(faults[0]?.message);
  const field = fields.get('p');
  if (field === undefined) throw new Error('no field');
  return field;
}

/** What the registers say, as ISO text in UTC. */
function read(words: string, keys: Partial<PointKeys>, zone?: string): string | undefined {
  const field = fieldOf(keys, zone);
  const data = Buffer.from(words.replaceAll(' ', ''), 'hex');
  expect(data).toHaveLength(2 * field.span);
  const value = field.codec.decode(data, 0);
  return value === undefined ? undefined : new Date(1000 * Number(value)).toISOString();
}

const write = (value: number, keys: Partial<PointKeys>, zone?: string): string => {
  const encoded = fieldOf(keys, zone).codec.encode(value);
  return 'data' in encoded ? encoded.data.toString('hex') : encoded.fault;
};

const seconds = (iso: string): number => Date.parse(iso) / 1000;
const zone = (name: string): Zone => zoneOf(name) ?? expect.fail(`no zone ${name}`);

describe('CP56Time2a in four registers', () => {
  const keys = { type: 'cp56time2a' };

  test('year, month and day, hour and minute, milliseconds', () => {
    expect(read('001a 0b76 0819 d2f4', keys)).toBe('2026-11-22T08:25:54.004Z');
    expect(read('d2f4 0819 0b76 001a', { ...keys, order: 'CDAB' })).toBe('2026-11-22T08:25:54.004Z');
    expect(read('f4d2 1908 760b 1a00', { ...keys, order: 'DCBA' })).toBe('2026-11-22T08:25:54.004Z');
  });

  test('pitfall 23: the flag of summer time tells the hour that autumn has twice; without it nobody knows', () => {
    expect(read('001a0a19820f0000', keys, 'Europe/Berlin')).toBe('2026-10-25T00:15:00.000Z');
    expect(read('001a0a19020f0000', keys, 'Europe/Berlin')).toBeUndefined();
    expect(read('001a0a19030f0000', keys, 'Europe/Berlin')).toBe('2026-10-25T02:15:00.000Z');
  });

  test('the flag of summer time is written all summer, and read nowhere else', () => {
    const isFlagged = (iso: string): boolean =>
      (Number.parseInt(write(seconds(iso), keys, 'Europe/Berlin').slice(8, 10), 16) & 0x80) !== 0;
    expect(
      ['2026-01-15', '2026-04-01', '2026-07-01', '2026-09-28', '2026-10-24', '2026-12-01'].map((day) =>
        isFlagged(`${day}T10:00:00Z`),
      ),
    ).toEqual([false, true, true, true, true, false]);
    expect(read('001a0719880f0000', keys, 'Australia/Sydney')).toBeUndefined();
    expect(read('001a0b19880f0000', keys, 'Europe/Berlin')).toBeUndefined();
    expect(read('001a0719880f0000', keys, '+01:00')).toBeUndefined();
    expect(read('001a0119880f0000', keys, 'Australia/Sydney')).toBe('2026-01-24T21:15:00.000Z');
  });

  test.each([
    ['that the device calls invalid', '001a0b760899d2f4'],
    ['of a clock that was never set', '0000000000000000'],
    ['of all ones', 'ffffffffffffffff'],
    ['in month 13', '001a0d760819d2f4'],
    ['on 31 November', '001a0b7f0819d2f4'],
    ['at 24 hours', '001a0b761819d2f4'],
    ['at minute 60', '001a0b76083cd2f4'],
    ['at second 60', '001a0b760819ea60'],
  ])('a date %s is no value', (_, hex) => {
    expect(read(hex, keys)).toBeUndefined();
  });

  test('what is written is read again', () => {
    const time = seconds('2026-07-01T12:34:56.789Z');
    const written = write(time, keys, 'Europe/Berlin');
    expect(written).toBe('001a07618e22ddd5');
    expect(read(written, keys, 'Europe/Berlin')).toBe('2026-07-01T12:34:56.789Z');
  });
});

describe('a packed date', () => {
  const date = (form: Partial<DateForm>): Partial<PointKeys> => ({
    type: 'datetime',
    date: { parts: ALL, ...form },
  });

  test.each([
    ['bytes', '1a0b16081936', date({})],
    ['bytes in BCD', '261122082554', date({ coding: 'bcd' })],
    ['registers', '07ea000b0016000800190036', date({ size: 'register' })],
    ['registers in BCD', '202600110022000800250054', date({ size: 'register', coding: 'bcd' })],
    ['registers with a short year', '001a000b0016000800190036', date({ size: 'register' })],
    ['bytes swapped in each register', '0b1a08163619', { ...date({}), order: 'BADC' }],
    ['words the other way round', '193616081a0b', { ...date({}), order: 'CDAB' }],
  ] as const)('%s', (_, hex, keys) => {
    expect(read(hex, keys)).toBe('2026-11-22T08:25:54.000Z');
  });

  test('seconds first, the day of the week left out, without a time of day', () => {
    const parts: readonly DatePart[] = ['second', 'minute', 'hour', 'day', 'skip', 'month', 'year', 'skip'];
    expect(read('3619 0816 070b 1a00', date({ parts }))).toBe('2026-11-22T08:25:54.000Z');
    expect(read('1a0b1600', date({ parts: ['year', 'month', 'day'] }))).toBe('2026-11-22T00:00:00.000Z');
  });

  test.each([
    ['30 February', '1a021e000000'],
    ['month 0', '1a0016000000'],
    ['day 0', '1a0b00000000'],
    ['hour 24', '1a0b16180000'],
    ['nothing but ones', 'ffffffffffff'],
    ['nothing but zeros', '000000000000'],
  ])('%s is no value', (_, hex) => {
    expect(read(hex, date({}))).toBeUndefined();
  });

  test('a digit above 9 in BCD is no value', () => {
    expect(read('26112a082554', date({ coding: 'bcd' }))).toBeUndefined();
  });

  test('the 29th of February is one in leap years only', () => {
    expect(read('18021d000000', date({}))).toBe('2024-02-29T00:00:00.000Z');
    expect(read('19021d000000', date({}))).toBeUndefined();
  });

  test.each([
    ['UTC', '2026-07-01T12:00:00.000Z'],
    ['+05:30', '2026-07-01T06:30:00.000Z'],
    ['-03:00', '2026-07-01T15:00:00.000Z'],
    ['Europe/Berlin', '2026-07-01T10:00:00.000Z'],
    ['America/St_Johns', '2026-07-01T14:30:00.000Z'],
    ['Australia/Lord_Howe', '2026-07-01T01:30:00.000Z'],
  ])('noon in %s', (name, expected) => {
    expect(read('1a07010c0000', date({}), name)).toBe(expected);
  });

  test('pitfall 23: an hour that spring leaves out, or autumn has twice, is no value', () => {
    expect(read('1a031d021e00', date({}), 'Europe/Berlin')).toBeUndefined();
    expect(read('1a0a19021e00', date({}), 'Europe/Berlin')).toBeUndefined();
    expect(read('1a031d031e00', date({}), 'Europe/Berlin')).toBe('2026-03-29T01:30:00.000Z');
  });

  test('any time that is written is read again as the same, or refused', () => {
    const zones = [
      'UTC',
      '+05:30',
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    ].map(zone);
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom<DateForm>(
          { parts: ALL },
          { parts: ALL, coding: 'bcd' },
          { parts: ALL, size: 'register' },
          { parts: [...ALL].reverse(), size: 'register', coding: 'bcd' },
        ),
        fc.integer({ min: seconds('2000-01-02T00:00:00Z'), max: seconds('2099-12-30T00:00:00Z') }),
        (place, form, time) => {
          const codec = packedDate(form, place);
          const bytes = codec.encode(time);
          if (bytes !== undefined) expect(codec.decode(bytes)).toBe(time);
          // Only an hour that is there twice cannot be said.
          else expect(codec.encode(time - 7200)).toBeDefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a century that two digits do not say, or seconds that nobody says, are refused', () => {
    expect(write(seconds('2126-11-22T08:25:54Z'), date({}))).toMatch(/no time/);
    expect(write(seconds('2026-11-22T08:25:54Z'), date({ parts: ALL.slice(0, 5) }))).toMatch(/no time/);
    expect(write(0.5, date({}))).toMatch(/no time/);
  });
});

describe('seconds since 1970', () => {
  test('pitfall 23: a clock that was never set has no value, where the profile says so', () => {
    expect(read('6a5b3c2d', { type: 'unix32' })).toBe(new Date(0x6a5b3c2d * 1000).toISOString());
    expect(read('00000000', { type: 'unix32', nan: 'std' })).toBeUndefined();
    expect(read('ffffffff', { type: 'unix32', nan: 'std' })).toBeUndefined();
  });
});

describe('a plan with dates', () => {
  const fault = (keys: Partial<PointKeys>, protocol: object = {}): string | undefined =>
    compileDevice(
      devicePlan(
        { p: { table: 'holding', addr: 0, ...keys } as PointKeys },
        {
          protocol: { addressing: 'pdu0', ...protocol },
        },
      ),
    ).faults[0]?.message;

  test.each([
    [{ type: 'cp56time2a' }, /nothing without its zone/],
    [{ type: 'cp56time2a', zone: 'Europe/Atlantis' }, /nobody knows the zone "Europe\/Atlantis"/],
    [{ type: 'cp56time2a', zone: '+25:00' }, /nobody knows/],
    [{ type: 'datetime', zone: 'UTC' }, /needs its parts/],
    [{ type: 'datetime', zone: 'UTC', date: { parts: ['year', 'day', 'hour'] } }, /needs its month/],
    [{ type: 'datetime', zone: 'UTC', date: { parts: [...ALL, 'hour'] } }, /hour stands there twice/],
    [{ type: 'uint32', zone: 'UTC' }, /has no zone/],
    [{ type: 'uint32', date: { parts: ALL } }, /only a datetime/],
    [{ type: 'datetime', zone: 'UTC', date: { parts: ALL }, nan: 'std' }, /no such patterns/],
    [{ type: 'datetime', zone: 'UTC', date: { parts: ALL }, length: 3 }, /length of its own/],
  ] as const)('%j is a fault', (keys, message) => {
    expect(fault(keys as Partial<PointKeys>)).toMatch(message);
  });

  test('takes the zone of the profile', () => {
    expect(fault({ type: 'cp56time2a' }, { zone: 'Europe/Berlin' })).toBeUndefined();
  });
});
