import { type ObjectDefinition, writeDdf } from '../../src/model/index.ts';
import { javaAvailable, javaInstallLine, javaServer } from './java.ts';
import { type LeshanEvents, listen } from './leshan-events.ts';
import type {
  LeshanClient,
  LeshanCompositeResponse,
  LeshanNode,
  LeshanOperation,
  LeshanResponse,
} from './leshan-shapes.ts';
import { start } from './process.ts';

export type { LeshanEvents } from './leshan-events.ts';
export type * from './leshan-shapes.ts';

/**
 * Eclipse Leshan 2.0.0-M18 as the LwM2M server. Its demo server is not on Maven Central, so `leshan/` puts the demo's
 * REST routes on Leshan's library: `/api/clients[/<endpoint>[/<path>]]` and `/api/event`.
 *
 * It speaks LwM2M 1.0 and 1.1; a Register with `lwm2m=1.2` gets 4.12. It knows the core objects of 1.1; other objects
 * decode with their types only when {@link LeshanOptions.objects} names them.
 */

export const leshanInstallLine = javaInstallLine('leshan');

export function leshanAvailable(): boolean {
  return javaAvailable('leshan');
}

export interface LeshanOptions {
  /** 0 or nothing: any free one */
  readonly coapPort?: number;
  readonly httpPort?: number;
  readonly coapsPort?: number;
  /** The client that is let in over DTLS, and what the server proves itself with; absent: there is no DTLS. */
  readonly security?: LeshanSecurity;
  /** bytes of the connection ids that it gives (RFC 9146); 0 or absent: it gives none */
  readonly cidLength?: number;
  /** objects beyond the core ones; Leshan's own loader gets and checks their XML */
  readonly objects?: readonly ObjectDefinition[];
  /** ms after which a client in queue mode counts as asleep; 93,000 unless told */
  readonly awakeMs?: number;
  /** seconds between two looks for registrations whose lifetime is over; 10 unless told */
  readonly cleanS?: number;
  /** ms until it must be ready */
  readonly deadlineMs?: number;
}

/** Keys in base64 of DER, certificates in PEM, a shared key in hex digits. */
export type LeshanSecurity = { readonly endpoint: string } & (
  | { readonly identity: string; readonly psk: string }
  | { readonly x509: true; readonly key: string; readonly chain: string; readonly trust: string }
  | { readonly publicKey: string; readonly key: string; readonly ownPublicKey: string }
);

/** A running server. Operations reject when no such client is registered (400), or none answers in time (504). */
export interface LeshanServer {
  readonly coapPort: number;
  /** 0: there is no DTLS. */
  readonly coapsPort: number;
  /** `http://127.0.0.1:<port>` */
  readonly httpUrl: string;
  clients(): Promise<readonly LeshanClient[]>;
  /** @param path `/3`, `/3/0`, `/3/0/0`, `/3/0/11/0` */
  read(endpoint: string, path: string, options?: LeshanOperation): Promise<LeshanResponse>;
  readComposite(
    endpoint: string,
    paths: readonly string[],
    options?: LeshanOperation,
  ): Promise<LeshanCompositeResponse>;
  /** @param options.replace false: POST (partial update) in place of PUT */
  write(
    endpoint: string,
    path: string,
    node: LeshanNode,
    options?: LeshanOperation & { readonly replace?: boolean },
  ): Promise<LeshanResponse>;
  writeComposite(
    endpoint: string,
    nodes: Readonly<Record<string, LeshanNode>>,
    options?: LeshanOperation,
  ): Promise<LeshanResponse>;
  /** @param attributes as in the query: `pmin=1&gt=5` */
  writeAttributes(endpoint: string, path: string, attributes: string): Promise<LeshanResponse>;
  execute(endpoint: string, path: string, args?: string): Promise<LeshanResponse>;
  create(
    endpoint: string,
    object: number,
    instance: LeshanNode,
    options?: LeshanOperation,
  ): Promise<LeshanResponse>;
  delete(endpoint: string, path: string): Promise<LeshanResponse>;
  discover(endpoint: string, path: string): Promise<LeshanResponse>;
  observe(endpoint: string, path: string, options?: LeshanOperation): Promise<LeshanResponse>;
  observeComposite(
    endpoint: string,
    paths: readonly string[],
    options?: LeshanOperation,
  ): Promise<LeshanCompositeResponse>;
  /** GET with Observe 1 */
  cancelObserve(endpoint: string, path: string): Promise<LeshanResponse>;
  /** Asks nothing of the client: the next notification is answered with a Reset. */
  forgetObserve(endpoint: string, path: string): Promise<void>;
  /** Listens from now on. */
  events(): Promise<LeshanEvents>;
  /** what the server has logged */
  output(): string;
  stop(): Promise<void>;
}

/** Starts the server, which takes about half a second. */
export async function startLeshan(options: LeshanOptions = {}): Promise<LeshanServer> {
  const objects = (options.objects ?? []).map(writeDdf);
  const running = await start('java', javaServer('leshan', 'LeshanPeer'), {
    ready: /^ready (\d+) (\d+) (\d+)$/m,
    deadlineMs: options.deadlineMs ?? 30_000,
    input: `${JSON.stringify({ ...options, objects })}\n`,
  });
  const httpUrl = `http://127.0.0.1:${running.ready[2]}`;
  const open = new Set<LeshanEvents>();

  const ask = async <Answer>(method: string, route: string, query?: Query, body?: string): Promise<Answer> =>
    (await request(`${httpUrl}/api/clients${route}`, method, query, body)) as Answer;
  const operate = ask<LeshanResponse>;
  const composite = ask<LeshanCompositeResponse>;

  return {
    coapPort: Number(running.ready[1]),
    coapsPort: Number(running.ready[3]),
    httpUrl,
    clients: () => ask<readonly LeshanClient[]>('GET', ''),
    read: (endpoint, path, options) => operate('GET', at(endpoint, path), queryOf(options)),
    readComposite: (endpoint, paths, options) =>
      composite('GET', at(endpoint, '/composite'), compositeQueryOf(paths, options)),
    write: (endpoint, path, node, { replace, ...options } = {}) =>
      operate('PUT', at(endpoint, path), { ...queryOf(options), replace }, JSON.stringify(node)),
    writeComposite: (endpoint, nodes, options) =>
      operate('PUT', at(endpoint, '/composite'), compositeQueryOf([], options), JSON.stringify(nodes)),
    writeAttributes: (endpoint, path, attributes) =>
      operate('PUT', at(endpoint, `${path}/attributes`), {}, attributes),
    execute: (endpoint, path, args) => operate('POST', at(endpoint, path), {}, args),
    create: (endpoint, object, instance, options) =>
      operate('POST', at(endpoint, `/${object}`), queryOf(options), JSON.stringify(instance)),
    delete: (endpoint, path) => operate('DELETE', at(endpoint, path)),
    discover: (endpoint, path) => operate('GET', at(endpoint, `${path}/discover`)),
    observe: (endpoint, path, options) => operate('POST', at(endpoint, `${path}/observe`), queryOf(options)),
    observeComposite: (endpoint, paths, options) =>
      composite('POST', at(endpoint, '/composite/observe'), compositeQueryOf(paths, options)),
    cancelObserve: (endpoint, path) => operate('DELETE', at(endpoint, `${path}/observe`), { active: true }),
    async forgetObserve(endpoint, path) {
      await ask('DELETE', at(endpoint, `${path}/observe`));
    },
    async events() {
      const events = await listen(`${httpUrl}/api/event`);
      open.add(events);
      return events;
    },
    output: running.output,
    async stop() {
      for (const events of open) events.close();
      await running.stop();
    },
  };
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

function queryOf({ format, timeoutS }: LeshanOperation = {}): Query {
  return { format, timeout: timeoutS };
}

function compositeQueryOf(paths: readonly string[], options: LeshanOperation = {}): Query {
  const { format = 'SENML_CBOR', timeoutS } = options;
  return { paths: paths.join(','), pathformat: format, nodeformat: format, timeout: timeoutS };
}

/** The route to a path of a client, or to something done with it. */
function at(endpoint: string, path: string): string {
  return `/${encodeURIComponent(endpoint)}${path}`;
}

async function request(route: string, method: string, query: Query = {}, body?: string): Promise<unknown> {
  const url = new URL(route);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  // the server keeps the deadline of the operation; this one is for the server
  const signal = AbortSignal.timeout((Number(query.timeout ?? 5) + 10) * 1000);
  const response = await fetch(url, { method, signal, ...(body === undefined ? {} : { body }) });
  if (response.ok) return response.json();
  throw new Error(`Leshan ${method} ${url.pathname}: ${response.status} ${await response.text()}`);
}
