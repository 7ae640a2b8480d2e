import { type AdapterSchemas, durationSchema } from 'lwm2m-gateway/adapter';
import { ADDRESSES, TABLE_NAMES } from './address.ts';
import { connections } from './connection-schemas.ts';
import { DATE_PARTS } from './datetime.ts';
import { MOST_BITS, MOST_REGISTERS } from './pdu.ts';
import { DEFAULT_PAUSE } from './registers.ts';
import { choice, integer, object } from './schema-parts.ts';
import { SUNSPEC_BASES } from './sunspec.ts';
import { VALUE_TYPES } from './value.ts';

/** An address in any notation: on the wire, counted from one, or 465536 in Modicon notation. */
const ADDRESS = { minimum: 0, maximum: 465_536 };

const order = choice(
  'Where the most significant byte A of a value is: ABCD big endian, CDAB words swapped, BADC bytes swapped in each word, DCBA little endian.',
  ['ABCD', 'CDAB', 'BADC', 'DCBA'],
);

const zone = {
  type: 'string',
  minLength: 1,
  maxLength: 64,
  description: "Where the clock of the device shows its dates: 'UTC', '+01:00', or 'Europe/Berlin'.",
};

const date = object(
  'How a packed date (datetime) is written down.',
  {
    parts: {
      type: 'array',
      minItems: 3,
      maxItems: 12,
      items: { type: 'string', enum: [...DATE_PARTS] },
      description:
        'Its parts as they follow each other; skip what says nothing more, as the day of the week.',
    },
    size: choice('What each part takes.', ['byte', 'register'], 'byte'),
    coding: choice('binary, or bcd: a decimal digit in every four bits.', ['binary', 'bcd'], 'binary'),
  },
  ['parts'],
);

const profile = object(
  'How devices of this type speak Modbus.',
  {
    addressing: choice(
      'How addresses are written: pdu0 as on the wire from 0, one-based from 1, modicon like 40001 or 400001.',
      ['pdu0', 'one-based', 'modicon'],
    ),
    order: { ...order, default: 'ABCD' },
    zone,
    limits: object('The most that one request may read; 0 where the device has no such tables.', {
      maxRegisters: integer('Registers per request.', 0, MOST_REGISTERS, MOST_REGISTERS),
      maxBits: integer('Coils or discrete inputs per request.', 0, MOST_BITS, MOST_BITS),
    }),
    batching: {
      anyOf: [
        choice('auto: by cost; off: a request for each point or group.', ['auto', 'off']),
        object(
          'By cost, but never across a wider gap.',
          { maxGap: integer('Addresses between two points that a request may read in vain.', 0, MOST_BITS) },
          ['maxGap'],
        ),
      ],
      description: 'How points are put together into requests.',
      default: 'auto',
    },
    unreadable: {
      type: 'array',
      items: { type: 'array', items: { type: 'integer', ...ADDRESS }, minItems: 2, maxItems: 2 },
      description:
        'Ranges [from, to] that must not be touched to bridge a gap, in the notation of `addressing`.',
    },
    sunspec: object(
      'For devices that say by themselves where their models are (SunSpec): points count from the header of their model.',
      {
        model: integer('The model that points are of which name no other.', 1, 65_534),
        bases: {
          type: 'array',
          minItems: 1,
          maxItems: 8,
          items: { type: 'integer', minimum: 0, maximum: ADDRESSES - 1 },
          default: [...SUNSPEC_BASES],
          description: 'Where the marker "SunS" is looked for, in this order.',
        },
      },
      ['model'],
    ),
    signature: {
      type: 'array',
      minItems: 1,
      maxItems: 4,
      items: object(
        'A value that devices of this type show.',
        {
          table: choice('Its table.', ['holding', 'input']),
          addr: { type: 'integer', ...ADDRESS, description: 'Its address in the notation of `addressing`.' },
          type: choice('What its registers hold.', VALUE_TYPES),
          length: integer('Registers of a string.', 1, MOST_REGISTERS),
          order: { ...order, description: `${order.description} Default: that of the profile.` },
          oneOf: {
            type: 'array',
            minItems: 1,
            maxItems: 64,
            items: { anyOf: [{ type: 'number' }, { type: 'string' }] },
            description: 'What it may be, before scaling.',
          },
        },
        ['table', 'addr', 'type', 'oneOf'],
      ),
      description:
        'By what a device of this type is known: read at the start and whenever the device was away; no point is read, and nothing written, while it is another.',
    },
    marker: object(
      'A register that is read together with every point of its table: unless it holds this number, nothing of the answer is believed.',
      {
        table: choice('Its table.', ['holding', 'input']),
        addr: { type: 'integer', ...ADDRESS, description: 'Its address in the notation of `addressing`.' },
        is: integer('What it holds on devices of this type.', 0, 65_535),
      },
      ['table', 'addr', 'is'],
    ),
  },
  ['addressing'],
);

const ranges = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'array',
    items: { type: 'integer', minimum: 0, maximum: ADDRESSES - 1 },
    minItems: 2,
    maxItems: 2,
  },
  description: 'Ranges [from, to], both included.',
};

const rawAccess = object(
  'Whether servers get at the registers themselves, by objects 10374 and 10375: past points, units and the guards of the profile. Addresses are those on the wire, from 0.',
  {
    mode: choice('off, read, or read-write.', ['off', 'read', 'read-write']),
    read: object(
      'The only registers and bits that may be read. Default: all that the profile does not forbid.',
      {
        coil: ranges,
        discrete: ranges,
        holding: ranges,
        input: ranges,
      },
    ),
    write: object('The only ones that may be written.', { coil: ranges, holding: ranges }),
    pause: durationSchema('Least time between two such requests to the device.', DEFAULT_PAUSE),
  },
  ['mode'],
);

const device = object(
  'Where the device is on its connection.',
  {
    unit: integer('Unit identifier; 0 and 255 often mean the device behind the connection itself.', 0, 255),
    base: integer(
      'What is added to every address of the profile, where the same registers begin elsewhere on this device.',
      0,
      65_535,
      0,
    ),
    nth: integer('Which one of several SunSpec models with the same number, from 1.', 1, 64, 1),
    rawAccess,
  },
  ['unit'],
);

const point = object(
  'Where the value is and how it is written down.',
  {
    table: choice('The table of the data model.', TABLE_NAMES),
    addr: { type: 'integer', ...ADDRESS, description: 'Address in the notation of `addressing`.' },
    marker: object(
      'A register of the same table that is read together with the value: unless it holds this number, as for its unit, the value is not believed.',
      {
        addr: { type: 'integer', ...ADDRESS, description: 'Its address in the notation of `addressing`.' },
        is: integer('What it holds.', 0, 65_535),
      },
      ['addr', 'is'],
    ),
    model: integer('The SunSpec model that it is of. Default: that of the profile.', 1, 65_534),
    type: choice('What the registers hold; coils and discrete inputs are bool.', VALUE_TYPES),
    length: integer('Registers of a string or bytes.', 1, MOST_REGISTERS),
    order: { ...order, description: `${order.description} Default: that of the profile.` },
    bit: integer('For a bool in a register: only this bit, 0 is the least significant.', 0, 15),
    date,
    zone: { ...zone, description: `${zone.description} Default: that of the profile.` },
    scaleFrom: {
      type: 'string',
      minLength: 1,
      description:
        'The point whose value is the power of ten of this one, read in the same request (SunSpec scale factors).',
    },
    nan: {
      anyOf: [
        choice('The usual pattern of the type.', ['std']),
        {
          type: 'array',
          minItems: 1,
          items: {
            anyOf: [
              { type: 'integer', minimum: 0 },
              { type: 'string', pattern: '^0x[0-9A-Fa-f]{1,16}$' },
            ],
          },
          description: 'Patterns as unsigned numbers; those beyond 2^53 as text, "0xFFFFFFFFFFFFFFFF".',
        },
      ],
      description: 'Bit patterns that mean that the device has no value now; compared before scaling.',
    },
  },
  ['table', 'addr'],
);

const write = object('How the value is written.', {
  fc: {
    type: 'integer',
    enum: [5, 6, 15, 16, 22, 23],
    description:
      'Function code. Default: 5 for a coil, 6 for one register, 16 for more, 22 for a bit of a register; 23 writes and reads back at once.',
  },
  verify: choice(
    'What counts as written: ack when the device says so, readback when it shows the value, none when it was sent.',
    ['ack', 'readback', 'none'],
    'ack',
  ),
  onlyChanges: {
    type: 'boolean',
    default: false,
    description: 'true reads the value first, and writes only another one: memory of set points wears out.',
  },
  settle: durationSchema('Wait before the value is read back.', '0ms'),
  tolerance: {
    type: 'number',
    minimum: 0,
    default: 0,
    description: 'How far the value read back may be from the one written, before scaling.',
  },
});

export const schemas: AdapterSchemas = {
  connections,
  profile,
  device,
  address: ['unit', 'base', 'nth'],
  point,
  write,
};
