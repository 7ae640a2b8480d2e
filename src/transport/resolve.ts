import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  type Clock,
  GatewayError,
  type Logger,
  messageOf,
  silentLogger,
  systemClock,
} from '../base/index.ts';
import type { Traffic } from './traffic.ts';

/** Turns a name into IPv4 and IPv6 addresses, best first. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** As the machine is configured, hosts file included. */
const lookupHere: Lookup = async (host) =>
  (await systemLookup(host, { all: true })).map(({ address }) => address);

/** A server to reach: by which addresses, in which time. */
export interface ServerPlace {
  /** a name, or an IPv4 or IPv6 address */
  readonly host: string;
  readonly port: number;
  readonly clock?: Clock;
  readonly lookup?: Lookup;
  /** default 10 s */
  readonly lookupTimeoutMs?: number;
  /**
   * How many openings before this one did not reach the peer, default 0: each begins with another of its addresses, as
   * on UDP an address that leads nowhere looks like any other.
   */
  readonly attempt?: number;
  readonly log?: Logger;
  readonly traffic?: Traffic;
}

const LOOKUP_TIMEOUT_MS = 10_000;

/**
 * Opens something to the first address of a server that lets it. The name is resolved anew each time.
 * @throws GatewayError `transport.unresolved`, `transport.unopened`
 */
export async function openToAny<T>(place: ServerPlace, open: (address: string) => Promise<T>): Promise<T> {
  const { host, port, attempt = 0, log = silentLogger } = place;
  const addresses = await resolve(place);
  const first = attempt % addresses.length;
  let cause: unknown;
  for (const address of [...addresses.slice(first), ...addresses.slice(0, first)]) {
    try {
      const opened = await open(address);
      log.debug({ host, address, port }, 'connected');
      return opened;
    } catch (error) {
      log.debug({ host, address, port, error: messageOf(error) }, 'an address cannot be used');
      cause = error;
    }
  }
  throw new GatewayError('transport.unopened', `no connection to ${host}:${port}: ${messageOf(cause)}`, {
    cause,
  });
}

/**
 * The addresses of a server, at least one; an address is its own.
 * @throws GatewayError `transport.unresolved`, also when the lookup takes too long
 */
async function resolve(place: ServerPlace): Promise<readonly string[]> {
  const { host, clock = systemClock, lookup = lookupHere, lookupTimeoutMs = LOOKUP_TIMEOUT_MS } = place;
  if (isIP(host) !== 0) return [host];
  try {
    const addresses = await within(lookup(host), clock, lookupTimeoutMs);
    if (addresses.length > 0) return addresses;
  } catch (cause) {
    throw new GatewayError('transport.unresolved', `${host} has no address: ${messageOf(cause)}`, { cause });
  }
  throw new GatewayError('transport.unresolved', `${host} has no address`);
}

function within<T>(work: Promise<T>, clock: Clock, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    work.then(resolve, reject).finally(cancel);
  });
}
