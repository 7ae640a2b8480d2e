import {
  type Clock,
  createSignal,
  createTimers,
  GatewayError,
  type Logger,
  type Signal,
  systemRandom,
} from '../base/index.ts';
import {
  type CoapAnswer,
  type CoapEndpoint,
  type CoapRequest,
  type CoapResponse,
  createEndpoint,
} from '../coap/index.ts';
import { formatFor } from '../codec/index.ts';
import {
  type Entry,
  type Link,
  omaRegistry,
  type Path,
  parseLinks,
  parsePath,
  type Value,
} from '../model/index.ts';
import { openTcpServer, openUdpServer, type Peer, type TlsServerSecurity } from '../transport/index.ts';

const SENML_CBOR = 112;
const TEXT = 0;

/** A client that has registered. */
export interface RegisteredClient {
  readonly endpoint: string;
  readonly location: string;
  readonly peer: Peer;
  readonly release: string;
  /** the letter of what carries CoAP */
  readonly binding: string;
  readonly lifetimeS: number;
  readonly objects: readonly Link[];
}

/** A device that a gateway has announced in Object 25. */
export interface AnnouncedDevice {
  readonly deviceId: string;
  readonly prefix: string;
  readonly objects: readonly Link[];
}

/** A small LwM2M server: what a demo and tests need of one, and no more. */
export interface UpstreamServer {
  readonly port: number;
  readonly clients: ReadonlyMap<string, RegisteredClient>;
  readonly onRegistered: Signal<RegisteredClient>;
  readonly onUpdated: Signal<RegisteredClient>;
  readonly onDeregistered: Signal<RegisteredClient>;
  /** Devices behind a gateway (Gateway TS 1.1: a Read of /25). */
  devices(endpoint: string): Promise<AnnouncedDevice[]>;
  /** @throws GatewayError `demo.refused` with the response code in its data */
  read(endpoint: string, path: string): Promise<Entry[]>;
  write(endpoint: string, path: string, text: string): Promise<void>;
  /** Notifications, the first answer included; resolves when the first one is there. */
  observe(
    endpoint: string,
    path: string,
    onEntries: (entries: readonly Entry[]) => void,
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface UpstreamOptions {
  readonly port?: number;
  readonly host?: string;
  /** absent: UDP */
  readonly carrier?: 'udp' | 'tcp';
  /** TLS instead of plain TCP. */
  readonly security?: TlsServerSecurity;
  /** Releases that the server accepts; others are answered with 4.12. */
  readonly releases?: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
}

function queryMap(query: readonly string[]): Map<string, string> {
  return new Map(
    query.map((item) => {
      const equals = item.indexOf('=');
      return equals < 0 ? [item, ''] : [item.slice(0, equals), item.slice(equals + 1)];
    }),
  );
}

const linksOf = (payload: Uint8Array): Link[] => parseLinks(Buffer.from(payload).toString());

function decode(answer: CoapAnswer, path: Path, now: number): Entry[] {
  const format = formatFor(answer.contentFormat ?? TEXT);
  if (format === undefined)
    throw new GatewayError('demo.unknown-format', `content format ${answer.contentFormat}`);
  const resourceOf = ({ ids }: Path) =>
    omaRegistry()
      .find(ids[0] ?? -1)
      ?.resources.get(ids[2] ?? -1);
  return format.decode(answer.payload, { base: path, resourceOf, now });
}

const segments = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

/** Groups the entries of /25 by instance: what gateways announce of their devices. */
export function announcedDevices(entries: readonly Entry[]): AnnouncedDevice[] {
  const instances = new Map<number, Map<number, Value>>();
  for (const { path, value } of entries) {
    const [, instance = 0, resource = 0] = path.ids;
    instances.set(instance, (instances.get(instance) ?? new Map()).set(resource, value));
  }
  return [...instances.values()].map((resources) => ({
    deviceId: String(resources.get(0)),
    prefix: String(resources.get(1)),
    objects: parseLinks(String(resources.get(3) ?? '')),
  }));
}

export async function startUpstream(options: UpstreamOptions): Promise<UpstreamServer> {
  const { clock, log } = options;
  const clients = new Map<string, RegisteredClient>();
  const onRegistered = createSignal<RegisteredClient>();
  const onUpdated = createSignal<RegisteredClient>();
  const onDeregistered = createSignal<RegisteredClient>();
  let counter = 0;

  const byLocation = (path: readonly string[]): RegisteredClient | undefined =>
    [...clients.values()].find(({ location }) => location === path[1]);

  const register = (request: CoapRequest): CoapResponse => {
    const query = queryMap(request.query);
    const endpoint = query.get('ep');
    const release = query.get('lwm2m') ?? '';
    if (endpoint === undefined) return { code: '4.00' };
    if (options.releases !== undefined && !options.releases.includes(release)) return { code: '4.12' };
    const client: RegisteredClient = {
      endpoint,
      release,
      binding: query.get('b') ?? 'U',
      location: String(++counter),
      peer: request.peer,
      lifetimeS: Number(query.get('lt') ?? 86_400),
      objects: linksOf(request.payload),
    };
    clients.set(endpoint, client);
    onRegistered.emit(client);
    return { code: '2.01', location: ['rd', client.location] };
  };

  const update = (request: CoapRequest): CoapResponse => {
    const known = byLocation(request.path);
    if (known === undefined) return { code: '4.04' };
    const lifetime = queryMap(request.query).get('lt');
    const client: RegisteredClient = {
      ...known,
      peer: request.peer,
      ...(lifetime === undefined ? {} : { lifetimeS: Number(lifetime) }),
      ...(request.payload.length === 0 ? {} : { objects: linksOf(request.payload) }),
    };
    clients.set(client.endpoint, client);
    onUpdated.emit(client);
    return { code: '2.04' };
  };

  const deregister = (request: CoapRequest): CoapResponse => {
    const known = byLocation(request.path);
    if (known === undefined) return { code: '4.04' };
    clients.delete(known.endpoint);
    coap.dropObservations(known.peer);
    onDeregistered.emit(known);
    return { code: '2.02' };
  };

  const handler = (request: CoapRequest): CoapResponse => {
    if (request.path[0] !== 'rd') return { code: '4.04' };
    if (request.method === 'DELETE') return deregister(request);
    if (request.method !== 'POST') return { code: '4.05' };
    return request.path.length === 1 ? register(request) : update(request);
  };

  const { host = '127.0.0.1', port = 0, security } = options;
  const transport =
    options.carrier === 'tcp'
      ? await openTcpServer({ host, port, ...(security !== undefined && { security }) })
      : await openUdpServer({ host, port });
  const coap: CoapEndpoint = createEndpoint({
    transport,
    clock,
    timers: createTimers(clock, 50),
    random: systemRandom,
    log,
    handler,
    // A server has many clients; none of them is a slow device of its own.
    parameters: { nstart: 64 },
  });

  const clientOf = (endpoint: string): RegisteredClient => {
    const client = clients.get(endpoint);
    if (client === undefined) throw new GatewayError('demo.not-registered', `${endpoint} is not registered`);
    return client;
  };

  const successful = (answer: CoapAnswer, path: string): CoapAnswer => {
    if (answer.code.startsWith('2.')) return answer;
    const reason = Buffer.from(answer.payload).toString();
    throw new GatewayError('demo.refused', `${path}: ${answer.code}${reason === '' ? '' : ` ${reason}`}`, {
      data: { code: answer.code },
    });
  };

  const read = async (endpoint: string, path: string): Promise<Entry[]> => {
    const answer = await coap.request(clientOf(endpoint).peer, {
      method: 'GET',
      path: segments(path),
      accept: SENML_CBOR,
    });
    return decode(successful(answer, path), parsePath(path), clock.now());
  };

  return {
    port: transport.localPort,
    clients,
    onRegistered,
    onUpdated,
    onDeregistered,
    read,
    devices: async (endpoint) => announcedDevices(await read(endpoint, '/25')),
    async write(endpoint, path, text) {
      const answer = await coap.request(clientOf(endpoint).peer, {
        method: 'PUT',
        path: segments(path),
        contentFormat: TEXT,
        payload: Buffer.from(text),
      });
      successful(answer, path);
    },
    async observe(endpoint, path, onEntries) {
      const at = parsePath(path);
      const take = (answer: CoapAnswer): void => {
        if (answer.code.startsWith('2.')) onEntries(decode(answer, at, clock.now()));
      };
      const { answer, cancel } = await coap.observe(
        clientOf(endpoint).peer,
        { method: 'GET', path: segments(path), accept: SENML_CBOR },
        take,
      );
      take(successful(answer, path));
      return cancel;
    },
    async close() {
      await coap.close();
    },
  };
}
