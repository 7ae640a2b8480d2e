import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { ObjectDefinition, Value } from '../model/index.ts';
import type { InstanceSetup } from '../tree/index.ts';

/** What an operating system says of its network; what it does not say is absent, never guessed. */
export interface Network {
  /** by name, e.g. `eth0`, without the loopback */
  readonly interfaces: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly routers: readonly string[];
  /** The interface of the default route. */
  readonly active: string | undefined;
  /** of radio interfaces, by name: dBm, and quality as the driver counts it */
  readonly signals: ReadonlyMap<string, { readonly dBm: number; readonly quality: number }>;
}

/** Values of 4/0/0 (OMA Core 1.2.2 E.5), by how Linux names interfaces. */
const BEARERS: readonly (readonly [RegExp, number])[] = [
  [/^wl/, 21],
  [/^(?:wwan|ppp|rmnet|usb)/, 6],
  [/^(?:bnep|bt)/, 22],
];
const ETHERNET = 41;

export function bearerOf(name: string): number {
  return BEARERS.find(([pattern]) => pattern.test(name))?.[1] ?? ETHERNET;
}

const readIfThere = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
};

/** `010200C0`: bytes of an IPv4 address, the last first. */
function routeAddress(hex: string): string | undefined {
  const bytes = /^([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})([0-9A-F]{2})$/i.exec(hex)?.slice(1);
  return bytes
    ?.reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

/** Reads `/proc/net/route`: the default routes, the best first. */
export function parseRoutes(text: string): { readonly name: string; readonly router: string }[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, gateway]) => destination === '00000000' && gateway !== '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]))
    .flatMap(([name = '', , gateway = '']) => {
      const router = routeAddress(gateway);
      return router === undefined ? [] : [{ name, router }];
    });
}

/** Reads `/proc/net/wireless`: link quality and signal level of each radio interface. */
export function parseWireless(text: string): Map<string, { readonly dBm: number; readonly quality: number }> {
  const signals = new Map<string, { dBm: number; quality: number }>();
  for (const line of text.split('\n').slice(2)) {
    const [, name, quality, level] = /^\s*([^:\s]+):\s+\S+\s+(-?[\d.]+)\s+(-?[\d.]+)/.exec(line) ?? [];
    const dBm = Number(level);
    // Some drivers count from 0 upwards instead: that is no dBm.
    if (name !== undefined && dBm < 0)
      signals.set(name, { dBm: Math.round(dBm), quality: Math.round(Number(quality)) });
  }
  return signals;
}

export function readNetwork(): Network {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const outside = addresses.filter(({ internal }) => !internal).map(({ address }) => address);
    return outside.length === 0 ? [] : [{ name, addresses: outside }];
  });
  const routes = parseRoutes(readIfThere('/proc/net/route'));
  return {
    interfaces,
    routers: [...new Set(routes.map(({ router }) => router))],
    active: routes[0]?.name ?? interfaces[0]?.name,
    signals: parseWireless(readIfThere('/proc/net/wireless')),
  };
}

function numbered(values: readonly Value[]): ReadonlyMap<number, Value> {
  return new Map(values.map((value, index) => [index, value]));
}

/** A read of several resources looks once. */
const FRESH_MS = 1000;

/** Object 4, from what the operating system says (OMA Core 1.2.2 E.5). */
export function connectivityInstance(
  definition: ObjectDefinition,
  clock: { monotonic(): number },
  read: () => Network = readNetwork,
): InstanceSetup {
  let network: Network | undefined;
  let readAt = 0;
  const now = (): Network => {
    if (network === undefined || clock.monotonic() - readAt > FRESH_MS) {
      network = read();
      readAt = clock.monotonic();
    }
    return network;
  };
  const signal = () => now().signals.get(now().active ?? '');
  return {
    definition,
    instance: 0,
    resources: [
      { id: 0, compute: () => bearerOf(now().active ?? '') },
      { id: 1, compute: () => numbered([...new Set(now().interfaces.map(({ name }) => bearerOf(name)))]) },
      { id: 2, compute: () => signal()?.dBm },
      { id: 3, compute: () => signal()?.quality },
      { id: 4, compute: () => numbered(now().interfaces.flatMap(({ addresses }) => addresses)) },
      { id: 5, compute: () => numbered(now().routers) },
    ],
  };
}
