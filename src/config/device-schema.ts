import { z } from 'zod';
import {
  connectionName,
  deviceName,
  duration,
  prefixName,
  profileName,
  staleAfter,
  text,
  whole,
} from './kinds.ts';

/** Devices of one gateway: each is a tree in memory. */
export const MOST_DEVICES = 10_000;

export const POLL_LIMITS = { least: '100ms', most: '30d', example: '60s' };
const pollInterval = duration(POLL_LIMITS);

const timeouts = {
  request: duration({ least: '10ms', most: '60s', example: '1s' }).meta({
    description: 'How long to wait for the answer to one request.',
  }),
  retries: whole(0, 10).meta({ description: 'How often a request without an answer is sent again.' }),
};

const backoffStep = duration({ least: '1s', most: '1d', example: '30s' });
const quarantine = {
  after: whole(1, 100).meta({ description: 'Failed cycles in a row that put a device into quarantine.' }),
  backoff: z
    .array(backoffStep)
    .min(1)
    .max(20)
    .meta({
      title: 'a list of times with their units',
      examples: [['10s', '30s', '2m', '10m']],
      description: 'Waits before it is probed again; the last one repeats.',
    }),
};

const POLL = 'How often points without a poll of their own are read.';
export const STALE = 'When a value that was not read again loses its good quality.';
const TIMEOUTS = 'How long, and how often, the device is asked.';
const QUARANTINE = 'When a silent device is left alone, so that it does not hold up the others.';

/** What holds for devices that say nothing else. */
export const defaults = z
  .strictObject({
    poll: pollInterval.prefault('60s').meta({ description: POLL }),
    staleAfter: staleAfter().prefault('3x').meta({ description: STALE }),
    timeouts: z
      .strictObject({ request: timeouts.request.prefault('1s'), retries: timeouts.retries.prefault(2) })
      .prefault({})
      .meta({ description: TIMEOUTS }),
    quarantine: z
      .strictObject({
        after: quarantine.after.prefault(3),
        backoff: quarantine.backoff.prefault(['10s', '30s', '2m', '10m']),
      })
      .prefault({})
      .meta({ description: QUARANTINE }),
  })
  .prefault({})
  .meta({ description: 'What holds for every device that says nothing else.' });

/** The keys of a device; those of its protocol join them. `generate` and `overrides` are checked by themselves. */
export const device = z.strictObject({
  id: deviceName.meta({ description: 'Names the device for good; never give it to another one.' }),
  deviceId: z.exactOptional(text('meter-4711')).meta({
    description:
      'The Device ID of Object 25, unique in the world, e.g. urn:dev:os:32473-4711. Default: the endpoint and the id.',
  }),
  prefix: z
    .exactOptional(prefixName)
    .meta({ description: 'The prefix of its paths towards servers. Default: made from the Device ID.' }),
  profile: profileName.meta({ description: 'What kind of device it is.' }),
  connection: connectionName.meta({ description: 'The connection that it answers on.' }),
  location: z
    .exactOptional(text('Substation 12 / feeder A'))
    .meta({ description: 'Where it is, for people.' }),
  poll: z.exactOptional(pollInterval).meta({ description: `${POLL} Default: defaults.poll.` }),
  staleAfter: z.exactOptional(staleAfter()).meta({ description: STALE }),
  timeouts: z
    .exactOptional(
      z.strictObject({
        request: z.exactOptional(timeouts.request),
        retries: z.exactOptional(timeouts.retries),
      }),
    )
    .meta({ description: TIMEOUTS }),
  generate: z.exactOptional(z.unknown()),
  overrides: z.exactOptional(z.unknown()),
  quarantine: z
    .exactOptional(
      z.strictObject({
        after: z.exactOptional(quarantine.after),
        backoff: z.exactOptional(quarantine.backoff),
      }),
    )
    .meta({ description: QUARANTINE }),
});

/** `generate` without the keys that hold templates. */
export const generate = z.strictObject({
  count: whole(1, MOST_DEVICES).meta({ description: 'How many devices.', examples: [28] }),
  from: whole(0, 1_000_000).prefault(1).meta({ description: 'The first {n}.' }),
});
