import { isSecure, parseServerUri, type ServerUri, transportOf } from '../model/index.ts';
import {
  SECURITY_RESOURCES as SECURITY,
  SECURITY_MODES,
  SERVER_RESOURCES as SERVER,
} from '../objects/index.ts';
import type { ResourceValue } from '../tree/index.ts';
import { type Configuration, instancesOf, type Values } from './configuration.ts';

/** How a client proves who it is, and knows the server (OMA Core 1.2.2 E.1). Secret: never to be logged. */
export interface Credentials {
  readonly mode: keyof typeof SECURITY_MODES;
  /** PSK identity, or the public key or certificate of the client */
  readonly identity: Uint8Array;
  readonly serverPublicKey: Uint8Array;
  /** the key itself (PSK), or the private key in DER */
  readonly secretKey: Uint8Array;
  /** 0 exact, 1 SHA-256, 2 SHA-384, 3 SHA-512 of the server's key or certificate */
  readonly matchingType: number;
  readonly sni: string | undefined;
  /** 0 CA constraint, 1 service certificate constraint, 2 trust anchor, 3 domain-issued certificate */
  readonly certificateUsage: number;
  readonly offer: Offer;
}

/** What a handshake offers: IANA numbers, the preferred one first; none: the client chooses. */
export interface Offer {
  readonly cipherSuites: readonly number[];
  /** for ECDHE */
  readonly groups: readonly number[];
  /** schemes, for both sides */
  readonly signatures: readonly number[];
  /** Whether TLS 1.3 may be used with certificates, the only way that it is here. */
  readonly isTls13: boolean;
  /** Whether a connection id is asked for (RFC 9146). */
  readonly hasConnectionId: boolean;
}

/** What there is without a word of object 0. */
export const OWN_OFFER: Offer = {
  cipherSuites: [],
  groups: [],
  signatures: [],
  isTls13: true,
  hasConnectionId: true,
};

/** The way to a server, as an instance of object 0 describes it. */
export interface Security {
  readonly instance: number;
  readonly uri: ServerUri;
  readonly credentials: Credentials;
}

/** An LwM2M server: instances of objects 0 and 1 that name the same Short Server ID. */
export interface ServerAccount {
  readonly shortServerId: number;
  readonly serverInstance: number;
  readonly security: Security;
}

export interface BootstrapAccount {
  readonly security: Security;
  /** Before the first request, in ms. */
  readonly holdOffMs: number;
  /** After a bootstrap the account is forgotten this much later; undefined: never. */
  readonly timeoutMs: number | undefined;
}

/** What a configuration says about servers. */
export interface Accounts {
  readonly servers: readonly ServerAccount[];
  readonly bootstrap: BootstrapAccount | undefined;
  /** What makes the configuration unfit to be followed (OMA Core 1.2.2 6.1.7.7), for people; without secrets. */
  readonly faults: readonly string[];
}

const NOTHING = new Uint8Array();

const textOf = (values: Values, id: number): string | undefined => {
  const value = values.get(id);
  return typeof value === 'string' ? value : undefined;
};

const numberOf = (values: Values, id: number): number | undefined => {
  const value = values.get(id);
  return typeof value === 'number' ? value : undefined;
};

const bytesOf = (values: Values, id: number): Uint8Array => {
  const value = values.get(id);
  return value instanceof Uint8Array ? value : NOTHING;
};

/** What each mode needs beside the URI (OMA Core 1.2.2 E.1): identity, server's key, secret key. */
const NEEDS: Readonly<
  Record<Credentials['mode'], readonly ('identity' | 'serverPublicKey' | 'secretKey')[]>
> = {
  psk: ['identity', 'secretKey'],
  rpk: ['identity', 'serverPublicKey', 'secretKey'],
  certificate: ['identity', 'serverPublicKey', 'secretKey'],
  none: [],
  est: ['serverPublicKey'],
};

const RESOURCE_OF = {
  identity: SECURITY.identity,
  serverPublicKey: SECURITY.serverPublicKey,
  secretKey: SECURITY.secretKey,
};

function modeOf(values: Values): Credentials['mode'] | undefined {
  const number = numberOf(values, SECURITY.mode);
  const modes = Object.keys(SECURITY_MODES) as Credentials['mode'][];
  return modes.find((mode) => SECURITY_MODES[mode] === number);
}

const numbersOf = (values: Values, id: number): readonly number[] => {
  const value = values.get(id);
  return value instanceof Map ? [...value.values()].map(Number) : [];
};

/** A bit of a set; nothing is said: it is there. */
const hasBit = (values: Values, id: number, bit: number): boolean => {
  const bits = numberOf(values, id);
  return bits === undefined || Math.floor(bits / 2 ** bit) % 2 === 1;
};

const NOWHERE = 65_535;

const isLinked = (value: ResourceValue | undefined): boolean =>
  typeof value === 'object' && 'object' in value && value.object !== NOWHERE;

/** of 0/x/22 */
const CERTIFICATES_BIT = 3;
/** of 0/x/24 */
const CONNECTION_ID_BIT = 12;

function credentialsOf(mode: Credentials['mode'], values: Values): Credentials {
  return {
    mode,
    identity: bytesOf(values, SECURITY.identity),
    serverPublicKey: bytesOf(values, SECURITY.serverPublicKey),
    secretKey: bytesOf(values, SECURITY.secretKey),
    matchingType: numberOf(values, SECURITY.matchingType) ?? 0,
    sni: textOf(values, SECURITY.sni),
    certificateUsage: numberOf(values, SECURITY.certificateUsage) ?? 3,
    offer: {
      cipherSuites: numbersOf(values, SECURITY.cipherSuites),
      groups: numbersOf(values, SECURITY.groups),
      signatures: numbersOf(values, SECURITY.signatures),
      isTls13: hasBit(values, SECURITY.tls13Features, CERTIFICATES_BIT),
      hasConnectionId: hasBit(values, SECURITY.extensions, CONNECTION_ID_BIT),
    },
  };
}

/** Reads one instance of object 0, and says at `fault` what is wrong with it. */
function securityOf(
  instance: number,
  values: Values,
  fault: (message: string) => void,
): Security | undefined {
  const at = `/0/${instance}`;
  const text = textOf(values, SECURITY.uri) ?? '';
  const uri = parseServerUri(text);
  if (uri === undefined) {
    fault(`${at}/0 is no URI of a server: ${JSON.stringify(text)}`);
    return undefined;
  }
  const mode = modeOf(values);
  if (mode === undefined) {
    fault(`${at}/2 is no security mode`);
    return undefined;
  }
  if (isSecure(uri.scheme) === (mode === 'none'))
    fault(`${at}: ${uri.scheme} does not go with security mode ${mode}`);
  if (mode === 'rpk' && uri.scheme === 'coaps+tcp')
    fault(`${at}: raw public keys (1) go with coaps only, there are none over TLS`);
  if (mode === 'est') fault(`${at}/${SECURITY.mode}: certificates by EST (4) are not supported`);
  // A server that links it would be spoken to without what it expects.
  if (isLinked(values.get(SECURITY.oscore))) fault(`${at}/${SECURITY.oscore}: OSCORE is not supported`);
  const credentials = credentialsOf(mode, values);
  for (const need of NEEDS[mode]) {
    if (credentials[need].length === 0)
      fault(`${at}/${RESOURCE_OF[need]} is missing for security mode ${mode}`);
  }
  if (credentials.matchingType > 3) fault(`${at}/${SECURITY.matchingType} is no matching type`);
  if (credentials.certificateUsage > 3) fault(`${at}/${SECURITY.certificateUsage} is no certificate usage`);
  return { instance, uri, credentials };
}

const seconds = (value: number | undefined): number => (value ?? 0) * 1000;

const MANDATORY_SERVER = [SERVER.shortServerId, SERVER.lifetime, SERVER.storing, SERVER.binding];
const BINDINGS = /^[UMHTSN]+$/;
/** Of these at least one must be among the bindings of a server: what this client can do. */
const SUPPORTED_BINDINGS = /[UT]/;

function checkServer(instance: number, values: Values, fault: (message: string) => void): void {
  for (const id of MANDATORY_SERVER) if (!values.has(id)) fault(`/1/${instance}/${id} is missing`);
  const binding = textOf(values, SERVER.binding) ?? 'U';
  // 1.0 said queue mode by a letter more.
  const letters = binding.replace('Q', '');
  if (!BINDINGS.test(letters) || !SUPPORTED_BINDINGS.test(letters))
    fault(`/1/${instance}/${SERVER.binding} names no binding that is supported: ${JSON.stringify(binding)}`);
  const lifetime = numberOf(values, SERVER.lifetime);
  if (lifetime !== undefined && lifetime < 0) fault(`/1/${instance}/${SERVER.lifetime} is negative`);
}

/** Low is better: the preferred transport (1/x/22), then those of 1/x/7 in their order (OMA Core 1.2.2 6.2.1.2). */
function rankOf({ uri }: Security, server: Values): number {
  const letter = transportOf(uri.scheme);
  if (textOf(server, SERVER.preferredTransport) === letter) return -1;
  const place = (textOf(server, SERVER.binding) ?? 'U').indexOf(letter);
  return place < 0 ? Number.POSITIVE_INFINITY : place;
}

/** The way to take of several to one server; of equals the first. */
function bestWay(ways: readonly Security[], server: Values): Security | undefined {
  return [...ways].sort((a, b) => Math.sign(rankOf(a, server) - rankOf(b, server)) || 0)[0];
}

/** The accounts of a configuration, and everything that keeps it from being followed. */
export function readAccounts(configuration: Configuration): Accounts {
  const faults: string[] = [];
  const fault = (message: string): void => {
    faults.push(message);
  };
  const servers: ServerAccount[] = [];
  const bootstraps: BootstrapAccount[] = [];
  const byServer = new Map<number, number>();
  const ways = new Map<number, Security[]>();
  for (const [instance, values] of instancesOf(configuration, 1)) {
    checkServer(instance, values, fault);
    const id = numberOf(values, SERVER.shortServerId);
    if (id === undefined) continue;
    if (byServer.has(id)) fault(`/1/${instance} and /1/${byServer.get(id)} are of the same server ${id}`);
    else byServer.set(id, instance);
  }
  for (const [instance, values] of instancesOf(configuration, 0)) {
    const security = securityOf(instance, values, fault);
    if (security === undefined) continue;
    if (values.get(SECURITY.isBootstrap) === true) {
      const timeout = seconds(numberOf(values, SECURITY.accountTimeout));
      bootstraps.push({
        security,
        holdOffMs: seconds(numberOf(values, SECURITY.holdOff)),
        timeoutMs: timeout > 0 ? timeout : undefined,
      });
      continue;
    }
    const shortServerId = numberOf(values, SECURITY.shortServerId);
    if (shortServerId === undefined || shortServerId < 1 || shortServerId > 65_534)
      fault(`/0/${instance}/${SECURITY.shortServerId} is no Short Server ID`);
    else if (!byServer.has(shortServerId))
      fault(`/0/${instance}: no instance of object 1 is of server ${shortServerId}`);
    else if (ways.get(shortServerId)?.some(({ uri }) => uri.scheme === security.uri.scheme))
      fault(`/0/${instance}: another instance is of server ${shortServerId}`);
    else ways.set(shortServerId, [...(ways.get(shortServerId) ?? []), security]);
  }
  for (const [shortServerId, serverInstance] of byServer) {
    const values = instancesOf(configuration, 1).get(serverInstance) ?? new Map();
    const security = bestWay(ways.get(shortServerId) ?? [], values);
    if (security === undefined)
      fault(`/1/${serverInstance}: no instance of object 0 is of server ${shortServerId}`);
    else servers.push({ shortServerId, serverInstance, security });
  }
  if (servers.length === 0) fault('there is no server account');
  if (bootstraps.length > 1) fault('there is more than one Bootstrap-Server account');
  return { servers, bootstrap: bootstraps[0], faults };
}
