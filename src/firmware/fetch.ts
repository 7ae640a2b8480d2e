/** How fetching a package ended. `invalid-uri`: also what the server does not have. */
export type Fetched =
  | { readonly status: 'whole' }
  | { readonly status: 'refused' }
  | { readonly status: 'lost'; readonly why: 'invalid-uri' | 'connection-lost'; readonly message: string };

/** Takes the next bytes; more are read when it has settled. False: no more are wanted. */
export type Take = (chunk: Uint8Array) => Promise<boolean>;

/** Fetches from a URI whose scheme it knows, each byte once and in order. Never rejects. */
export type Fetch = (uri: string, take: Take, signal: AbortSignal) => Promise<Fetched>;

export const lost = (why: 'invalid-uri' | 'connection-lost', message: string): Fetched => ({
  status: 'lost',
  why,
  message,
});

/** By scheme, with the value of each in 5/x/8 (OMA Core 1.2.2 E.6). */
export const PROTOCOLS = { coap: 0, http: 2, https: 3 } as const;

/** Whether a URI can be fetched from: its scheme may be unknown, or it may be no URI. */
export function reachOf(text: string, schemes: ReadonlySet<string>): 'fetchable' | 'unsupported' | 'invalid' {
  let uri: URL;
  try {
    uri = new URL(text);
  } catch {
    return 'invalid';
  }
  if (!schemes.has(uri.protocol.slice(0, -1))) return 'unsupported';
  return uri.hostname === '' ? 'invalid' : 'fetchable';
}
