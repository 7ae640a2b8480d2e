import { randomBytes } from 'node:crypto';
import { type Clock, GatewayError, systemClock } from '../base/index.ts';
import type { Credentials } from './credentials.ts';
import { GROUP_IDS } from './ecdhe.ts';
import type { AssociationOptions } from './engine.ts';
import type { HandshakeOptions } from './handshake.ts';
import { eraseDirection } from './keys.ts';
import { DEFAULT_TIMERS, type RetransmissionTimers } from './retransmission.ts';
import { type Connection, decodeConnection, decodeSession, isBoundTo, relationOf } from './session.ts';
import { SCHEME_IDS } from './signature.ts';
import { type KeyExchange, SUITES, type Suite } from './suites.ts';
import { needsServerName } from './trust.ts';

/** Options with nothing left to ask. */
export interface CheckedOptions extends Omit<HandshakeOptions, 'now'> {
  readonly connection: Connection | undefined;
  readonly mtu: number;
  readonly timers: RetransmissionTimers;
  readonly clock: Clock;
}

const DEFAULT_MTU = 1200;
const LEAST_MTU = 256;
const MOST_MTU = 2 ** 14;
const MAX_CID = 254; // its length and one more stand in a byte (RFC 9146 3)
const MAX_PSK_PART = 0xffff;
/** Names in the form of the DNS, or addresses; in other alphabets as A-labels (RFC 6066 3). */
const HOST = /^[\w.:%-]{1,253}$/;

/** @throws GatewayError `dtls.bad-options` */
export function readOptions(options: AssociationOptions): CheckedOptions {
  const { credentials, mtu = DEFAULT_MTU, connectionId = new Uint8Array() } = options;
  const { timers = DEFAULT_TIMERS } = options;
  const serverName = options.serverName?.replace(/\.$/, ''); // RFC 6066 3
  const suites = suitesFor(credentials, options.suites);
  const groups = knownOf(options.groups, GROUP_IDS);
  const signatures = knownOf(options.signatures, SCHEME_IDS);
  require(suites.length > 0, 'no cipher suite that the credentials are for');
  require(groups.length > 0 && signatures.length > 0, 'no group, or no signature scheme, that we have');
  require(mtu >= LEAST_MTU && mtu <= MOST_MTU, `mtu must be ${LEAST_MTU} to ${MOST_MTU}`);
  require(connectionId === false ||
    connectionId.length <= MAX_CID, `a connection id has ${MAX_CID} bytes at most`);
  require(serverName === undefined || HOST.test(serverName), 'the server name is none of a host');
  require(areSane(timers), 'timers must be longer than nothing, and end');
  checkCredentials(credentials, serverName);
  const { session, connection } = options;
  const relation = relationOf(credentials, serverName);
  return {
    credentials,
    serverName,
    relation,
    suites,
    groups,
    signatures,
    mtu,
    needsExtendedMasterSecret: options.needsExtendedMasterSecret ?? true,
    connectionId: connectionId === false ? undefined : connectionId,
    session: session && decodeSession(session),
    connection: connection && connectionOf(connection, relation, suites, connectionId !== false),
    timers,
    clock: options.clock ?? systemClock,
    random: options.random ?? randomBytes,
    keyLog: options.keyLog,
  };
}

/** What was saved in that relation, and would be agreed on now; anything else is erased. */
function connectionOf(
  bytes: Uint8Array,
  relation: Uint8Array,
  suites: readonly Suite[],
  isWanted: boolean,
): Connection | undefined {
  const saved = decodeConnection(bytes);
  if (saved === undefined) return undefined;
  const { suite, keys } = saved.records;
  const { client, server } = keys;
  if (isWanted && suites.includes(suite) && isBoundTo(saved, client.key, relation)) return saved;
  for (const keys of [client, server]) eraseDirection(keys);
  saved.session?.master.fill(0);
  return undefined;
}

const areSane = ({ firstMs, mostMs, totalMs }: RetransmissionTimers): boolean =>
  firstMs > 0 && mostMs > 0 && totalMs > 0 && totalMs < Number.POSITIVE_INFINITY;

function suitesFor({ kind }: Credentials, names: AssociationOptions['suites']): Suite[] {
  const isFor = ({ isPsk, signedBy }: KeyExchange): boolean =>
    kind === 'psk' ? isPsk : signedBy === 'ec' || (kind === 'certificate' && signedBy === 'rsa');
  const wanted = names?.flatMap((name) => SUITES.filter((suite) => suite.name === name));
  return (wanted ?? SUITES.filter(({ cipher }) => cipher.isAead)).filter(({ keyExchange }) =>
    isFor(keyExchange),
  );
}

const knownOf = (asked: readonly number[] | undefined, known: readonly number[]): readonly number[] =>
  asked?.filter((number) => known.includes(number)) ?? known;

function checkCredentials(credentials: Credentials, serverName: string | undefined): void {
  if (credentials.kind === 'psk') {
    const { identity, key } = credentials;
    require(key.length > 0 && key.length <= MAX_PSK_PART, 'a pre-shared key has 1 to 65,535 bytes');
    require(identity.length <= MAX_PSK_PART, 'an identity has 65,535 bytes at most');
  } else if (credentials.kind === 'certificate') {
    const { trust, own } = credentials;
    require(serverName !== undefined ||
      !needsServerName(trust), 'the name of the server is needed to judge its certificate');
    require(own === undefined || own.chain.length > 0, 'our own certificate is missing');
  }
}

function require(holds: boolean, message: string): void {
  if (!holds) throw new GatewayError('dtls.bad-options', message);
}
