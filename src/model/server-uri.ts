/** Where a server listens and how it is spoken to (OMA Core 1.2.2 6.1, resource 0/x/0). */
export interface ServerUri {
  readonly scheme: Scheme;
  /** a name or an address, IPv6 without its brackets */
  readonly host: string;
  readonly port: number;
  /** segments before `rd`, `bs` and `dp`; mostly none */
  readonly path: readonly string[];
}

/** Schemes of CoAP with their ports (RFC 7252 6, RFC 8323 8). */
const PORTS = { coap: 5683, coaps: 5684, 'coap+tcp': 5683, 'coaps+tcp': 5684 } as const;

export type Scheme = keyof typeof PORTS;

export function isSecure(scheme: Scheme): boolean {
  return scheme.startsWith('coaps');
}

/** What carries CoAP, by the letter that LwM2M has for it (OMA Core 1.2.2 6.2.1). */
export type TransportLetter = 'U' | 'T';

export function transportOf(scheme: Scheme): TransportLetter {
  return scheme.endsWith('+tcp') ? 'T' : 'U';
}

const URI =
  /^([a-z+]+):\/\/(\[[0-9A-Fa-f:.]+(?:%25[\w.-]+)?\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?((?:\/[^?#\s]*)?)$/;

function isScheme(text: string): text is Scheme {
  return Object.hasOwn(PORTS, text);
}

/** A URI of at most 255 bytes without query and fragment; undefined when it is none that a client can use. */
export function parseServerUri(text: string): ServerUri | undefined {
  const [, scheme = '', host = '', port, path = ''] = (text.length <= 255 ? URI.exec(text) : null) ?? [];
  if (!isScheme(scheme)) return undefined;
  const number = port === undefined ? PORTS[scheme] : Number(port);
  if (number < 1 || number > 65_535) return undefined;
  try {
    const segments = path.split('/').filter((segment) => segment !== '');
    return {
      scheme,
      host: host.replace(/^\[|\]$/g, ''),
      port: number,
      path: segments.map(decodeURIComponent),
    };
  } catch {
    return undefined;
  }
}
