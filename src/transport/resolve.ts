import { lookup as systemLookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Clock, GatewayError, messageOf } from '../base/index.ts';

/** Turns a name into IPv4 and IPv6 addresses, best first. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** As the machine is configured, hosts file included. */
const lookupHere: Lookup = async (host) =>
  (await systemLookup(host, { all: true })).map(({ address }) => address);

/**
 * The addresses of `host`, at least one; an address is its own.
 * @throws GatewayError `transport.unresolved`, also when the lookup takes longer than `timeoutMs`
 */
export async function resolve(
  host: string,
  clock: Clock,
  timeoutMs: number,
  lookup: Lookup = lookupHere,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const addresses = await within(lookup(host), clock, timeoutMs);
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
