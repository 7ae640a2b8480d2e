import { z } from 'zod';
import { duration, oneOf, seconds, text, whole } from './kinds.ts';

const representation = oneOf('gateway', 'endpoints');

const LATER = 'is not yet supported, see README';
const UNSUPPORTED = /^(coaps|coap\+tcp|coaps\+tcp|coap\+ws|coaps\+ws|mqtts?|https?):/i;
const COAP = /^coap:\/\/(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?\/?$/;

const serverUri = z
  .string()
  .meta({ title: 'coap://host or coap://host:port', examples: ['coap://lwm2m.example.net:5683'] })
  .transform((uri, context) => {
    const [, address, host, digits] = COAP.exec(uri) ?? [];
    const port = Number(digits ?? 5683);
    const name = address ?? host;
    if (name !== undefined && port >= 1 && port <= 65535) return { uri, host: name, port };
    const scheme = UNSUPPORTED.exec(uri)?.[1]?.toLowerCase();
    const reason = scheme === undefined ? 'this is not the address of a server' : `${scheme}: ${LATER}`;
    context.addIssue({ code: 'custom', message: `${reason}; allowed: coap://host or coap://host:port` });
    return z.NEVER;
  });

const BLOCK_SIZES = [16, 32, 64, 128, 256, 512, 1024] as const;

const transmission = z
  .strictObject({
    ackTimeout: z
      .exactOptional(duration({ least: '100ms', most: '60s', example: '2s' }))
      .meta({ description: 'The first wait for an acknowledgement (ACK_TIMEOUT).' }),
    ackRandomFactor: z
      .exactOptional(z.number().min(1).max(4))
      .meta({ description: 'By how much that wait varies (ACK_RANDOM_FACTOR).', examples: [1.5] }),
    maxRetransmit: z
      .exactOptional(whole(0, 10))
      .meta({ description: 'How often a message is sent again (MAX_RETRANSMIT).', examples: [4] }),
    nstart: z
      .exactOptional(whole(1, 16))
      .meta({ description: 'Requests on their way at the same time (NSTART).', examples: [1] }),
    maxLatency: z
      .exactOptional(duration({ least: '1s', most: '10m', example: '100s' }))
      .meta({ description: 'The longest that a message may be on its way (MAX_LATENCY).' }),
    blockSize: z.exactOptional(z.literal(BLOCK_SIZES)).meta({
      description: 'Bytes of a block; what is larger goes in several (RFC 7959). Small for small links.',
    }),
    messageIds: z.exactOptional(oneOf('oldest', 'strict')).meta({
      description:
        'When all message ids were used lately. oldest: that one again. strict: wait, for servers that remember all.',
    }),
  })
  .meta({ description: 'CoAP transmission parameters (RFC 7252 section 4.8), for slow or costly links.' });

const credentials = z
  .strictObject({
    pskIdentity: text('gw-17').meta({ description: 'The identity that the server knows the key by.' }),
    pskFile: z.exactOptional(text('/run/secrets/psk')).meta({ description: 'A file that holds the key.' }),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how the file says it
    psk: z.exactOptional(text('${env:PSK}')).meta({ description: 'The key, from the environment.' }),
  })
  .meta({ description: 'What the gateway proves its identity with. Only for coaps://.' });

const period = seconds({ least: '0s', most: '30d', example: '60s' });

const registration = z
  .strictObject({
    priority: z.exactOptional(whole(0, 65_535)).meta({
      description: 'Servers with a priority are registered with one after the other, the lowest first.',
      examples: [1],
    }),
    initialDelay: z
      .exactOptional(seconds({ least: '0s', most: '1d', example: '10s' }))
      .meta({ description: 'How long to wait before the first registration after a bootstrap.' }),
    failureBlock: z.exactOptional(z.boolean()).meta({
      description: 'true: while this server cannot be reached, none after it is tried.',
    }),
    bootstrapOnFailure: z.exactOptional(z.boolean()).meta({
      description: 'false: a failed registration is no reason to ask the Bootstrap-Server.',
    }),
    retryCount: z.exactOptional(whole(1, 100)).meta({ description: 'Attempts in a row.', examples: [5] }),
    retryTimer: z
      .exactOptional(seconds({ least: '1s', most: '1d', example: '60s' }))
      .meta({ description: 'The wait after the first attempt; it doubles with each further one.' }),
    sequenceDelay: z
      .exactOptional(seconds({ least: '1s', most: '30d', example: '1h' }))
      .meta({ description: 'The rest after so many attempts.' }),
    sequenceRetryCount: z
      .exactOptional(whole(1, 100))
      .meta({ description: 'Such rows of attempts until the registration has failed.', examples: [1] }),
  })
  .meta({
    description:
      'The order and the retries of registration (resources 13 to 20 of object 1). Default: a back-off from 5 s to 10 min.',
  });

const bootstrap = z
  .strictObject({
    uri: serverUri.meta({ description: 'Where the LwM2M Bootstrap-Server listens.' }),
    holdOff: seconds({ least: '0s', most: '1d', example: '10s' })
      .prefault('0s')
      .meta({ description: 'How long to wait before the first request (0/x/11).' }),
    accountTimeout: seconds({ least: '0s', most: '365d', example: '1d' }).prefault('0s').meta({
      description:
        'How long after a bootstrap the account of the Bootstrap-Server is forgotten (0/x/12). 0s: never.',
    }),
    pack: z.boolean().prefault(true).meta({
      description: 'Whether to ask for everything at once first, as LwM2M 1.2 allows (Bootstrap-Pack).',
    }),
  })
  .meta({
    description:
      'The server that tells the gateway its servers, when it has none or reaches none. What it sets is kept until this section of the file changes.',
  });

const serverKeys = z.strictObject({
  uri: serverUri.meta({ description: 'Where the LwM2M server listens.' }),
  shortServerId: z
    .exactOptional(whole(1, 65534))
    .meta({ description: 'The Short Server ID. Default: the position in the list, from 1.', examples: [1] }),
  lifetime: seconds({ least: '10s', most: '365d', example: '1d' })
    .prefault('1d')
    .meta({ description: 'The registration lifetime: how long the server waits for a sign of life.' }),
  representation: z
    .exactOptional(representation)
    .meta({ description: 'How this server sees the devices. Default: upstream.representation.' }),
  release: oneOf('1.2', '1.1', '1.0')
    .prefault('1.2')
    .meta({ description: 'The newest LwM2M release to announce; in quotes, it is a text.' }),
  localPort: z
    .exactOptional(whole(1, 65535))
    .meta({ description: 'The local UDP port. Default: any free one.', examples: [56830] }),
  minPeriod: z
    .exactOptional(period)
    .meta({ description: 'The default pmin: notifications of one observation are at least this far apart.' }),
  maxPeriod: z
    .exactOptional(period)
    .meta({ description: 'The default pmax: a notification comes at least this often.' }),
  transmission: z.exactOptional(transmission),
  notificationMode: oneOf('non', 'con')
    .prefault('non')
    .meta({ description: 'con: every notification is acknowledged. non: only some are.' }),
  storing: z.boolean().prefault(true).meta({
    description: 'Whether notifications wait, with their times, while the server cannot be reached (1/x/6).',
  }),
  send: z.boolean().prefault(false).meta({
    description:
      'Whether values may be sent that the server did not ask for; the opposite of Mute Send (1/x/23).',
  }),
  queueMode: z.boolean().prefault(false).meta({
    description:
      'Whether the server holds its requests back until it hears of the gateway: for links through NAT.',
  }),
  registration: registration.prefault({}),
  access: oneOf('full', 'read', 'none').prefault('full').meta({
    description:
      'What this server may do with the objects that are not behind a prefix, beside its own instance of object 1. With several servers, or another word than full, object 2 says so. Devices behind a prefix are open to every server.',
  }),
  credentials: z.exactOptional(credentials),
});

const server = serverKeys.superRefine(({ credentials, minPeriod, maxPeriod }, { addIssue }) => {
  if (credentials !== undefined)
    addIssue({ code: 'custom', path: ['credentials'], message: `credentials need coaps:, which ${LATER}` });
  if (minPeriod !== undefined && maxPeriod !== undefined && maxPeriod < minPeriod)
    addIssue({ code: 'custom', path: ['maxPeriod'], message: 'maxPeriod is shorter than minPeriod' });
});

export const upstream = z
  .strictObject({
    endpoint: z
      .string()
      .regex(/^[!-~]{1,252}$/)
      .meta({
        title: 'a text without blanks, at most 252 characters',
        examples: ['urn:dev:mac:0024befffe804ff1'],
        description: 'The endpoint client name of this gateway. Never the same on two gateways.',
      }),
    servers: z
      .array(server)
      .max(16)
      .prefault([])
      .meta({ title: 'a list of servers', description: 'The LwM2M servers to register with.' }),
    bootstrap: z.exactOptional(bootstrap),
    storedObjects: z
      .array(whole(1, 65534))
      .max(32)
      .prefault([])
      .meta({
        title: 'a list of object ids',
        examples: [[16, 19]],
        description:
          'Objects of the gateway in which servers may keep what they like: they make, write and delete instances. For example 16 (Portfolio) and 19 (BinaryAppDataContainer).',
      }),
    representation: representation.prefault('gateway').meta({
      description:
        'gateway: one client, devices behind Object 25 and prefixes. endpoints: one client per device, for servers that do not know Object 25.',
    }),
  })
  .meta({ title: 'a map with endpoint and servers', description: 'The side of the LwM2M servers.' });
