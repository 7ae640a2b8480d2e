import { z } from 'zod';
import { duration, oneOf, seconds, text, whole } from './kinds.ts';

const representation = oneOf('gateway', 'endpoints');

const LATER = 'is not yet supported, see README';
const UNSUPPORTED = /^(coap\+ws|coaps\+ws|mqtts?|https?):/i;
const SERVER =
  /^(coaps?|coaps?\+tcp):\/\/(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?\/?$/;

/** Ports of servers that name none (RFC 7252 6.1, RFC 8323 8.1, 8.2). */
const PORTS = { coap: 5683, coaps: 5684, 'coap+tcp': 5683, 'coaps+tcp': 5684 } as const;

const serverUri = z
  .string()
  .meta({
    title: 'coap://host, coaps://host, coap+tcp://host or coaps+tcp://host, with :port or without',
    examples: ['coap://lwm2m.example.net:5683'],
  })
  .transform((uri, context) => {
    const [, written = '', address, host, digits] = SERVER.exec(uri) ?? [];
    const scheme = written as keyof typeof PORTS;
    const port = Number(digits ?? PORTS[scheme]);
    const name = address ?? host;
    if (name !== undefined && port >= 1 && port <= 65535) return { uri, scheme, host: name, port };
    const other = UNSUPPORTED.exec(uri)?.[1]?.toLowerCase();
    const unknown = name === undefined ? 'this is not the address of a server' : 'a port is 1 to 65535';
    const reason = other === undefined ? unknown : `${other}: ${LATER}`;
    const allowed = 'coap://, coaps://, coap+tcp:// or coaps+tcp:// with host or host:port';
    context.addIssue({ code: 'custom', message: `${reason}; allowed: ${allowed}` });
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
    pskIdentity: z
      .exactOptional(text('gw-17'))
      .meta({ description: 'The identity that the server knows the key by.' }),
    pskFile: z
      .exactOptional(text('/run/secrets/psk'))
      .meta({ description: 'A file that holds the key in hex digits.' }),
    psk: z
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is how the file says it
      .exactOptional(text('${env:PSK}'))
      .meta({ description: 'The key in hex digits, from the environment.' }),
    caFile: z.exactOptional(text('/etc/lwm2m-gateway/ca.pem')).meta({
      description: 'Certificates of the authorities that may sign for the server.',
    }),
    certificateFile: z
      .exactOptional(text('/etc/lwm2m-gateway/gateway.pem'))
      .meta({ description: 'The certificate of the gateway, with those between it and its authority.' }),
    privateKeyFile: z
      .exactOptional(text('/run/secrets/gateway.key'))
      .meta({ description: 'The private key of that certificate.' }),
    serverPublicKeyFile: z.exactOptional(text('/etc/lwm2m-gateway/server.pub')).meta({
      description: 'The public key of the server, instead of certificates. Only for coaps://.',
    }),
    serverName: z
      .exactOptional(text('lwm2m.example.net'))
      .meta({ description: "The name in the server's certificate. Default: the host of the uri." }),
  })
  .meta({
    description:
      'A shared key, certificates or bare public keys: what both sides prove who they are with, over coaps:// and coaps+tcp://.',
  });

export type CheckedCredentials = z.output<typeof credentials>;

const FILES = ['caFile', 'certificateFile', 'privateKeyFile'] as const;

type Report = (key: string | undefined, message: string) => void;

/** What must stand together: a shared key and its name, a certificate and its key, or two keys; never more of these. */
function checkCredentials(given: CheckedCredentials, report: Report): void {
  const { pskIdentity, pskFile, psk, ...certificates } = given;
  const isKeyed = pskIdentity !== undefined || pskFile !== undefined || psk !== undefined;
  const [other] = Object.keys(certificates);
  if (isKeyed && other !== undefined) report(other, 'this goes with certificates, not with a shared key');
  else if (isKeyed && pskIdentity === undefined) report(undefined, 'a shared key needs its pskIdentity');
  else if (isKeyed && (pskFile === undefined) === (psk === undefined))
    report(undefined, 'a shared key stands either in pskFile or in psk');
  else if (isKeyed) return;
  else if (other === undefined) report(undefined, 'there are no credentials');
  else if (given.serverPublicKeyFile !== undefined) checkPublicKeys(given, report);
  else if (FILES.some((file) => given[file] === undefined))
    report(undefined, `certificates need ${FILES.join(', ')}`);
}

function checkPublicKeys(
  { serverPublicKeyFile, privateKeyFile, ...others }: CheckedCredentials,
  report: Report,
): void {
  const [other] = Object.keys(others);
  if (other !== undefined) report(other, 'this goes with certificates, not with bare public keys');
  else if (privateKeyFile === undefined) report(undefined, 'public keys need privateKeyFile, which is ours');
}

/** Whether the credentials, or their absence, go with the uri. */
function checkSecurity(
  { scheme }: z.output<typeof serverUri>,
  given: CheckedCredentials | undefined,
  report: (path: string[], message: string) => void,
): void {
  const isSecure = scheme.startsWith('coaps');
  if (isSecure && given === undefined) report(['uri'], `${scheme}: needs credentials`);
  if (given === undefined) return;
  if (!isSecure) report(['credentials'], 'credentials need coaps: or coaps+tcp:, nothing else is encrypted');
  if (scheme === 'coaps+tcp' && given.serverPublicKeyFile !== undefined)
    report(['credentials', 'serverPublicKeyFile'], 'bare public keys need coaps:');
  checkCredentials(given, (key, message) =>
    report(['credentials', ...(key === undefined ? [] : [key])], message),
  );
}

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
    credentials: z.exactOptional(credentials),
  })
  .superRefine(({ uri, credentials }, { addIssue }) =>
    checkSecurity(uri, credentials, (path, message) => addIssue({ code: 'custom', path, message })),
  )
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
      'What this server may do with the objects that are not behind a prefix, beside its own instance of object 1. With several servers, or another word than full, object 2 says so; a bootstrap cannot change it. Devices behind a prefix are open to every server.',
  }),
  credentials: z.exactOptional(credentials),
  heartbeat: z.exactOptional(duration({ least: '10s', most: '1d', example: '2m' })).meta({
    description:
      'After so long a silence a server over TCP or TLS is asked for a sign of life. Default: 2m. Below the timeout of NAT.',
  }),
});

const server = serverKeys.superRefine((given, { addIssue }) => {
  const { uri, credentials, localPort, heartbeat, minPeriod, maxPeriod } = given;
  const report = (path: string[], message: string): void => addIssue({ code: 'custom', path, message });
  checkSecurity(uri, credentials, report);
  const isStream = uri.scheme.endsWith('+tcp');
  if (!isStream && heartbeat !== undefined)
    report(['heartbeat'], 'this is for connections, over coap+tcp: and coaps+tcp:');
  if (isStream && localPort !== undefined)
    report(['localPort'], 'a connection has a local port of its own each time; leave it out');
  if (minPeriod !== undefined && maxPeriod !== undefined && maxPeriod < minPeriod)
    report(['maxPeriod'], 'maxPeriod is shorter than minPeriod');
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
          'Objects of the gateway in which servers may keep what they like: they make, write and delete instances. For example 16 (Portfolio) and 19 (BinaryAppDataContainer). It outlasts restarts; an object that is taken off the list is forgotten.',
      }),
    representation: representation.prefault('gateway').meta({
      description:
        'gateway: one client, devices behind Object 25 and prefixes. endpoints: one client per device, for servers that do not know Object 25.',
    }),
  })
  .meta({ title: 'a map with endpoint and servers', description: 'The side of the LwM2M servers.' });
