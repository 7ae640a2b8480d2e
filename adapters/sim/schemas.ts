import { type AdapterSchemas, durationSchema, type JsonSchema } from 'lwm2m-gateway/adapter';

function object(
  description: string,
  properties: Record<string, JsonSchema>,
  required: string[] = [],
): JsonSchema {
  return { type: 'object', description, properties, required, additionalProperties: false };
}

const number = (description: string, preset: number): JsonSchema => ({
  type: 'number',
  description,
  default: preset,
});

export const schemas: AdapterSchemas = {
  connections: { sim: object('Devices that exist only in the gateway.', {}) },
  profile: object('Nothing to say about all points.', {}),
  device: object('How this device differs from others of its profile.', {
    ahead: durationSchema('How far its clock is ahead, so that its waves differ from those of others.', '0s'),
    firmware: {
      type: 'string',
      description: 'The firmware version that it begins with. Without one its firmware cannot be changed.',
    },
  }),
  point: object(
    'What the point does with time.',
    {
      wave: {
        type: 'string',
        enum: ['sine', 'ramp', 'square', 'counter', 'constant', 'setting', 'firmware'],
        description:
          'sine and ramp go from low to high once in a period, square is true in its first half, counter grows by a rate, constant stays, setting stays until it is written, firmware is the version of the device.',
      },
      low: number('Lowest value of sine, ramp and setting.', 0),
      high: number('Highest value of sine, ramp and setting.', 1),
      period: durationSchema('How long sine, ramp and square take.', '60s'),
      ratePerHour: number('How much a counter grows in an hour.', 1),
      since: {
        type: 'string',
        pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$',
        description: 'When a counter was zero.',
        default: '2025-01-01T00:00:00Z',
      },
      digits: {
        type: 'integer',
        minimum: 0,
        maximum: 9,
        description: 'Decimals of sine, ramp and counter.',
        default: 3,
      },
      value: {
        type: ['number', 'string', 'boolean'],
        description: 'The value of a constant; what a setting begins with.',
        default: 0,
      },
    },
    ['wave'],
  ),
  write: object('Nothing to say about writes.', {}),
};
