import { describe, expect, test } from 'vitest';
import { configOf, faultsOf } from './support.ts';

const upstream = (servers: string): string =>
  `profilePaths: [profiles]\nupstream:\n  endpoint: gw\n  servers:\n${servers}`;

test('a server has sensible defaults', () => {
  const config = configOf(upstream('    - uri: coap://lwm2m.example.net\n'));
  expect(config.upstream).toEqual({
    endpoint: 'gw',
    representation: 'gateway',
    storedObjects: [],
    servers: [
      {
        uri: 'coap://lwm2m.example.net',
        scheme: 'coap',
        host: 'lwm2m.example.net',
        port: 5683,
        shortServerId: 1,
        lifetimeS: 86400,
        representation: 'gateway',
        release: '1.2',
        notificationMode: 'non',
        storing: true,
        send: false,
        queueMode: false,
        registration: {},
        access: 'full',
      },
    ],
  });
  expect(config.stateDirectory).toBe('/var/lib/lwm2m-gateway');
  expect(config.log).toEqual({ level: 'info' });
});

test('a server can be told everything; times come out in seconds, those of CoAP in ms', () => {
  const all = `    - uri: "coap://[2001:db8::1]:5700/"
      shortServerId: 77
      lifetime: 5m
      representation: gateway
      release: '1.0'
      localPort: 40000
      minPeriod: 0s
      maxPeriod: 1.5h
      transmission:
        { ackTimeout: 1.5s, ackRandomFactor: 2, maxRetransmit: 0, nstart: 4, maxLatency: 20s, blockSize: 64, messageIds: strict }
      notificationMode: con
      storing: false
      send: true
      queueMode: true
      registration:
        { priority: 1, initialDelay: 5s, failureBlock: true, bootstrapOnFailure: false,
          retryCount: 3, retryTimer: 10s, sequenceDelay: 1h, sequenceRetryCount: 2 }
      access: read
`;
  expect(configOf(upstream(all)).upstream.servers).toEqual([
    {
      uri: 'coap://[2001:db8::1]:5700/',
      scheme: 'coap',
      host: '2001:db8::1',
      port: 5700,
      shortServerId: 77,
      lifetimeS: 300,
      representation: 'gateway',
      release: '1.0',
      localPort: 40000,
      minPeriodS: 0,
      maxPeriodS: 5400,
      storing: false,
      send: true,
      queueMode: true,
      registration: {
        priority: 1,
        initialDelayS: 5,
        failureBlock: true,
        bootstrapOnFailure: false,
        retryCount: 3,
        retryTimerS: 10,
        sequenceDelayS: 3600,
        sequenceRetryCount: 2,
      },
      transmission: {
        ackTimeoutMs: 1500,
        ackRandomFactor: 2,
        maxRetransmit: 0,
        nstart: 4,
        maxLatencyMs: 20_000,
        blockSize: 64,
        messageIds: 'strict',
      },
      notificationMode: 'con',
      access: 'read',
    },
  ]);
});

test('objects to store in come each once, and are ids of objects', () => {
  const text = (objects: string): string =>
    `profilePaths: [profiles]\nupstream:\n  endpoint: gw\n  storedObjects: ${objects}\n  servers: [{ uri: "coap://a" }]\n`;
  expect(configOf(text('[16, 19, 16]')).upstream.storedObjects).toEqual([16, 19]);
  expect(faultsOf(text('[16, portfolio]'))[0]).toMatch(/^gateway\.yaml:4:\d+ upstream\.storedObjects\[1\]/);
});

test('a port here serves one client towards one server', () => {
  const text = `    - { uri: "coap://a", localPort: 40000 }
    - { uri: "coap://b", localPort: 40000 }
    - { uri: "coap://c", localPort: 40001, representation: endpoints }
`;
  expect(faultsOf(upstream(text)).map((fault) => fault.replace(/^\S+ \S+: /, ''))).toEqual([
    'another server has this port; each needs one of its own',
    'with representation: endpoints every device needs a port of its own; leave it out',
  ]);
});

test('servers take the representation of upstream unless they have their own', () => {
  const text = upstream('    - uri: coap://a\n    - { uri: "coap://b", representation: gateway }\n');
  const config = configOf(`${text}  representation: endpoints\n`);
  expect(config.upstream.servers.map(({ representation }) => representation)).toEqual([
    'endpoints',
    'gateway',
  ]);
});

describe('addresses', () => {
  const allowed = 'allowed: coap://, coaps://, coap+tcp:// or coaps+tcp:// with host or host:port';
  test.each([
    ['coaps://h:5684', 'coaps: needs credentials'],
    ['coap+ws://h', `coap+ws: is not yet supported, see README; ${allowed}`],
    ['coaps+tcp://h', 'coaps+tcp: needs credentials'],
    ['coap://h:0', `a port is 1 to 65535; ${allowed}`],
    ['coap://h:65536', `a port is 1 to 65535; ${allowed}`],
    ['coap://h/rd', `this is not the address of a server; ${allowed}`],
    ['coap://h?x=1', `this is not the address of a server; ${allowed}`],
    ['coap://', `this is not the address of a server; ${allowed}`],
    ['h', `this is not the address of a server; ${allowed}`],
  ])('%s is refused', (uri, message) => {
    expect(faultsOf(upstream(`    - uri: "${uri}"\n`))).toEqual([
      `gateway.yaml:5:12 upstream.servers[0].uri: ${message}`,
    ]);
  });
});

describe('servers', () => {
  const time = (least: string, most: string, example: string): string =>
    `allowed: a time with its unit (s, m, h, d) from ${least} to ${most}, for example ${example}`;

  test.each([
    ['lifetime: 300', '17 upstream.servers[0].lifetime', `300 is not allowed; ${time('10s', '365d', '1d')}`],
    ['lifetime: 9s', '17 upstream.servers[0].lifetime', `'9s' is not allowed; ${time('10s', '365d', '1d')}`],
    [
      'lifetime: 10500ms',
      '17 upstream.servers[0].lifetime',
      `'10500ms' is not allowed; ${time('10s', '365d', '1d')}`,
    ],
    ['maxPeriod: 1w', '18 upstream.servers[0].maxPeriod', `'1w' is not allowed; ${time('0s', '30d', '60s')}`],
    [
      'release: 1.1',
      '16 upstream.servers[0].release',
      "1.1 is not allowed; allowed: '1.2', '1.1', '1.0'; as a text it needs quotes: '1.1'",
    ],
    [
      'notificationMode: conf',
      '25 upstream.servers[0].notificationMode',
      "'conf' is not allowed (did you mean 'con'?); allowed: non, con",
    ],
    [
      'shortServerId: 65535',
      '22 upstream.servers[0].shortServerId',
      '65535 is not allowed; allowed: a whole number from 1 to 65534, for example 1',
    ],
    [
      'transmission: { ackTimeout: 2s, maxRetransmits: 4 }',
      '39 upstream.servers[0].transmission.maxRetransmits',
      "unknown key 'maxRetransmits' (did you mean 'maxRetransmit'?); allowed keys: ackRandomFactor, ackTimeout, blockSize, maxLatency, maxRetransmit, messageIds, nstart",
    ],
    [
      'transmission: { ackTimeout: 50ms }',
      '35 upstream.servers[0].transmission.ackTimeout',
      "'50ms' is not allowed; allowed: a time with its unit (ms, s, m, h, d) from 100ms to 60s, for example 2s",
    ],
    [
      'transmission: { ackRandomFactor: 0.9 }',
      '40 upstream.servers[0].transmission.ackRandomFactor',
      '0.9 is not allowed; allowed: a number from 1 to 4, for example 1.5',
    ],
    [
      'transmission: { maxRetransmit: 11 }',
      '38 upstream.servers[0].transmission.maxRetransmit',
      '11 is not allowed; allowed: a whole number from 0 to 10, for example 4',
    ],
    [
      'transmission: { nstart: 0 }',
      '31 upstream.servers[0].transmission.nstart',
      '0 is not allowed; allowed: a whole number from 1 to 16, for example 1',
    ],
    [
      'transmission: { blockSize: 100 }',
      '34 upstream.servers[0].transmission.blockSize',
      '100 is not allowed; allowed: 16, 32, 64, 128, 256, 512, 1024',
    ],
    [
      'transmission: { messageIds: newest }',
      '35 upstream.servers[0].transmission.messageIds',
      "'newest' is not allowed; allowed: oldest, strict",
    ],
    [
      'credentials: { pskIdentity: gw, pskFile: /run/psk }',
      '20 upstream.servers[0].credentials',
      'credentials need coaps: or coaps+tcp:, nothing else is encrypted',
    ],
  ])('%s is a fault', (key, where, message) => {
    expect(faultsOf(upstream(`    - uri: coap://h\n      ${key}\n`))).toEqual([
      `gateway.yaml:6:${where}: ${message}`,
    ]);
  });

  test('a pmax shorter than pmin is a fault', () => {
    expect(faultsOf(upstream('    - { uri: "coap://h", minPeriod: 1m, maxPeriod: 59s }\n'))).toEqual([
      'gateway.yaml:5:52 upstream.servers[0].maxPeriod: maxPeriod is shorter than minPeriod',
    ]);
  });

  test('no two have one Short Server ID, given or counted', () => {
    expect(faultsOf(upstream('    - { uri: "coap://a", shortServerId: 2 }\n    - uri: coap://b\n'))).toEqual([
      'gateway.yaml:6:7 upstream.servers[1]: another server has this Short Server ID; without one it is the position in the list',
    ]);
  });

  test('there can be none when a Bootstrap-Server tells them', () => {
    const { upstream: got } = configOf(
      'upstream: { endpoint: gw, bootstrap: { uri: "coap://bs.example:5783", holdOff: 5s, accountTimeout: 1h, pack: false } }\nprofilePaths: [profiles]\n',
    );
    expect(got).toMatchObject({
      servers: [],
      bootstrap: { uri: 'coap://bs.example:5783', holdOffS: 5, accountTimeoutS: 3600, pack: false },
    });
  });

  test('there is at least one', () => {
    expect(faultsOf('upstream: { endpoint: gw, servers: [] }\nprofilePaths: [profiles]\n')).toEqual([
      'gateway.yaml:1:36 upstream.servers: there is no server; allowed: servers, bootstrap or both',
    ]);
  });
});

test('upstream has to be there, and knows its keys', () => {
  expect(faultsOf('profilePaths: [profiles]\n')).toEqual([
    "gateway.yaml:1:1: 'upstream' is missing; allowed: a map with endpoint and servers",
  ]);
  expect(
    faultsOf('profilePaths: [profiles]\nupstream: { endpoit: gw, servers: [{ uri: "coap://h" }] }\n'),
  ).toEqual([
    "gateway.yaml:2:11 upstream: 'endpoint' is missing; allowed: a text without blanks, at most 252 characters, for example urn:dev:mac:0024befffe804ff1",
    "gateway.yaml:2:13 upstream.endpoit: unknown key 'endpoit' (did you mean 'endpoint'?); allowed keys: bootstrap, endpoint, representation, servers, storedObjects",
  ]);
});
