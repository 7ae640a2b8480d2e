import { z } from 'zod';
import { POLL_LIMITS, STALE } from './device-schema.ts';
import {
  decimal,
  duration,
  durationOr,
  durationText,
  oneOf,
  pointName,
  profileName,
  quantity,
  scalarValue,
  staleAfter,
  text,
  whole,
} from './kinds.ts';

const FORMAT = /^(?:[^%]|%%)*%(?:0[1-9]\d?)?[dxX](?:[^%]|%%)*$/;
const RESOURCE = /^(?:0|[1-9]\d{0,4})(?:\/(?:0|[1-9]\d{0,4}))?$/;

/** The keys of `write`; those of the protocol join them. */
export const write = z.strictObject({
  min: z.exactOptional(z.number()).meta({ description: 'The least value that may be written.' }),
  max: z.exactOptional(z.number()).meta({ description: 'The greatest value that may be written.' }),
  step: z
    .exactOptional(z.number().gt(0))
    .meta({ description: 'Values must be min (or 0) plus a multiple of it.' }),
  allowed: z
    .exactOptional(z.array(scalarValue).min(1).max(256))
    .meta({ description: 'The only values that may be written.', examples: [[0, 5, 10, 15]] }),
  rateLimit: z
    .exactOptional(duration({ least: '0ms', most: '30d', example: '10s' }))
    .meta({ description: 'The least time between two writes; it saves memory cells in the device.' }),
});

/** The keys of a point; those of the protocol join them. */
export const point = z.strictObject({
  access: oneOf('r', 'w', 'rw').prefault('r').meta({ description: 'Whether servers may read and write it.' }),
  unit: z.exactOptional(text('kWh')).meta({
    description: 'The unit after scale and offset. The gateway converts to that of the LwM2M object.',
  }),
  scale: z.exactOptional(decimal('0.1')).meta({ description: 'value = raw x scale + offset, in decimal.' }),
  offset: z
    .exactOptional(decimal('-273.15'))
    .meta({ description: 'value = raw x scale + offset, in decimal.' }),
  kind: oneOf('gauge', 'counter', 'state', 'text', 'time')
    .prefault('gauge')
    .meta({ description: 'gauge goes up and down, counter only up; state is one of a few values.' }),
  map: z.exactOptional(z.record(z.string(), scalarValue)).meta({
    title: 'a map from raw values to what they mean',
    examples: [{ 0: false, 1: true }],
    description: 'What raw values mean.',
  }),
  mask: z
    .exactOptional(whole(1, Number.MAX_SAFE_INTEGER))
    .meta({ description: 'The bits that count.', examples: [255] }),
  shift: z
    .exactOptional(whole(0, 63))
    .meta({ description: 'Places to shift right after the mask.', examples: [8] }),
  invert: z.exactOptional(z.boolean()).meta({ description: 'true becomes false, and false true.' }),
  valid: z.exactOptional(z.tuple([z.number(), z.number()])).meta({
    title: 'two numbers, the lowest and the highest',
    examples: [[-1, 1]],
    description: 'Values outside are published as implausible, never as good.',
  }),
  maxRate: z
    .exactOptional(quantity('100kW'))
    .meta({ description: 'The fastest change that is plausible, e.g. 100kW for a counter in kWh.' }),
  rollover: z
    .exactOptional(decimal('1e6'))
    .meta({ description: 'Where a counter starts again from 0, in the unit of the point.' }),
  onDecrease: z.exactOptional(oneOf('accept', 'hold', 'reject')).meta({
    description: 'What to do when a counter goes down. Default: hold the last value, with less quality.',
  }),
  poll: z
    .exactOptional(durationOr(['once', 'never'], POLL_LIMITS))
    .meta({ description: 'How often it is read. once: after each connect. never: only when a server asks.' }),
  staleAfter: z.exactOptional(staleAfter()).meta({ description: STALE }),
  group: z
    .exactOptional(pointName)
    .meta({ description: 'Points of one group are read in one request, so that they belong together.' }),
  enabled: z.boolean().prefault(true).meta({ description: 'false leaves the point and its resources out.' }),
});

/** What the keys of a point say about each other. */
export function pointRules(
  { access, kind, valid, ...rest }: z.output<typeof point> & { readonly write?: z.output<typeof write> },
  context: z.RefinementCtx,
): void {
  const refuse = (key: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [key], message });
  const { min, max } = rest.write ?? {};
  if (valid !== undefined && valid[0] > valid[1])
    refuse('valid', 'the lowest valid value is above the highest');
  if (rest.write !== undefined && access === 'r')
    refuse('write', "the point cannot be written; allowed: 'access: rw' or 'access: w' beside it");
  if (min !== undefined && max !== undefined && min > max) refuse('write', 'min is above max');
  for (const key of ['rollover', 'onDecrease'] as const) {
    if (rest[key] !== undefined && kind !== 'counter')
      refuse(key, `only counters have ${key}; allowed: 'kind: counter' beside it`);
  }
}

/** Longer than that no server waits for the answer. */
const WAIT = { least: '1ms', most: '10s', example: '500ms' } as const;

const step = z.strictObject({
  write: z.exactOptional(z.record(pointName, scalarValue)).meta({
    title: 'a map from points to values',
    description: 'Values in the units of the points, written in this order.',
    examples: [{ relay: true }],
  }),
  wait: z.exactOptional(durationText(WAIT)).meta({ description: 'A time before the next step.' }),
});

const resource = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.strictObject({
    from: z.exactOptional(pointName).meta({ description: 'The point that gives the value.' }),
    unit: z
      .exactOptional(text('Wh'))
      .meta({ description: 'The unit to convert to, where the object names none.' }),
    format: z.exactOptional(z.string().max(64).regex(FORMAT)).meta({
      title: 'a text with one %d, %x or %X; %% is a percent sign',
      examples: ['%08X'],
      description: 'How a number becomes a text.',
    }),
    value: z.exactOptional(scalarValue).meta({ description: 'A constant.' }),
    execute: z.exactOptional(z.array(step).min(1).max(16)).meta({
      title: 'a list of steps',
      description: 'What is done when a server executes the resource; the first step that fails ends it.',
      examples: [[{ write: { relay: true } }, { wait: '500ms' }, { write: { relay: false } }]],
    }),
    hold: z.exactOptional(z.boolean()).meta({
      description:
        'true keeps the connection to the device until the last step: nothing else is sent in between.',
    }),
  }),
]);

const object = z.strictObject({
  object: whole(0, 65534).meta({
    description: 'The id of an object in the OMA registry.',
    examples: [10242],
  }),
  version: z.exactOptional(z.string().regex(/^\d{1,3}\.\d{1,3}$/)).meta({
    title: 'a version in quotes',
    examples: ['1.0'],
    description: 'Default: the newest that is known.',
  }),
  instance: whole(0, 65534).prefault(0).meta({ description: 'The id of the instance; keep it for good.' }),
  resources: z
    .record(
      z
        .string()
        .regex(RESOURCE)
        .meta({
          title: 'the id of a resource, or of resource and resource instance',
          examples: ['5700', '5802/0'],
        }),
      resource.meta({
        title: 'the name of a point, a constant (texts in quotes), or a map with from, value or execute',
        examples: ['v1'],
      }),
    )
    .meta({
      title: 'a map from resource ids to points',
      description: 'A bare word names a point; a text in quotes, a number, true and false are constants.',
    }),
});

/** A profile without its protocol, the section of that name, and its points. */
export const profile = z.strictObject({
  id: profileName.meta({ description: 'Devices name it by this.' }),
  extends: z.exactOptional(profileName).meta({
    description:
      'The profile that this one is like: what stands here is joined with it, maps key by key, objects by object and instance. Its own id means the profile that it shadows.',
  }),
  manufacturer: z.exactOptional(text('Eastron')).meta({ description: 'Who makes the device.' }),
  model: z.exactOptional(text('SDM630-Modbus V2')).meta({ description: 'What the maker calls it.' }),
  objects: z
    .array(object)
    .max(1000)
    .prefault([])
    .meta({ title: 'a list of object mappings', description: 'The LwM2M objects that the points become.' }),
});
