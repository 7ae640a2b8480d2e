import { createHash, createHmac, createPublicKey, timingSafeEqual, type X509Certificate } from 'node:crypto';
import { createReader, keep, type Reader, uint, vector } from './bytes.ts';
import type { Credentials } from './credentials.ts';
import type { DirectionKeys } from './keys.ts';
import type { RecordState } from './records.ts';
import { SUITES, type Suite } from './suites.ts';

/**
 * What outlives an association: a session, which makes the next handshake short (RFC 5246 7.3, RFC 5077), and a
 * connection, which goes on without one (RFC 9146). Both hold secrets.
 */

export interface Session {
  /** Empty: resumed by ticket only. */
  readonly id: Buffer;
  /** Empty: resumed by id only. */
  readonly ticket: Buffer;
  readonly master: Buffer;
  readonly suite: Suite;
  readonly isExtendedMasterSecret: boolean;
  /** wall time, ms */
  readonly expiresAt: number;
  /** {@link bindingOf} the master secret */
  readonly binding: Buffer;
}

export interface Connection {
  readonly records: RecordState;
  readonly session: Session | undefined;
  /** {@link bindingOf} our key */
  readonly binding: Buffer;
}

function partsOf(credentials: Credentials): readonly Uint8Array[] {
  switch (credentials.kind) {
    case 'psk':
      return [credentials.identity, credentials.key];
    case 'raw-public-key': {
      const own = createPublicKey(credentials.privateKey).export({ format: 'der', type: 'spki' });
      return [credentials.serverKey, own];
    }
    case 'certificate': {
      const { trust, own } = credentials;
      const { pin, anchors = [] } = trust;
      const pinned = pin === undefined ? [] : [Buffer.from(`${pin.usage} ${pin.matching}`), pin.bytes];
      return [
        vector(4, ...anchors.map(({ raw }) => vector(4, raw))),
        vector(4, ...pinned),
        ...(own?.chain ?? []),
      ];
    }
  }
}

/** With what credentials, and with what server, in a few bytes. As secret as the credentials. */
export function relationOf(credentials: Credentials, serverName: string | undefined): Buffer {
  const hash = createHash('sha256');
  const parts = [Buffer.from(credentials.kind), Buffer.from(serverName ?? ''), ...partsOf(credentials)];
  for (const part of parts) hash.update(vector(4, part));
  return hash.digest();
}

/**
 * Ties what is saved to the relation that it was made in: whoever changes what is trusted must not go on with what was
 * trusted before.
 */
export const bindingOf = (secret: Uint8Array, relation: Uint8Array): Buffer =>
  createHmac('sha256', secret).update(relation).digest();

export function isBoundTo(
  { binding }: { readonly binding: Buffer },
  secret: Uint8Array,
  relation: Uint8Array,
): boolean {
  const expected = bindingOf(secret, relation);
  return binding.length === expected.length && timingSafeEqual(binding, expected);
}

/** RFC 5246 F.1.4: sessions should not live longer. */
const SESSION_LIFETIME_MS = 24 * 60 * 60 * 1000;

/**
 * When a session that begins now ends, in ms: with its ticket or with the certificate of the server at the latest. 0
 * for a certificate whose end lies before 1970, or is no date.
 */
export function sessionEnd(
  nowMs: number,
  lifetimeMs: number,
  certificate: X509Certificate | undefined,
): number {
  const end = nowMs + Math.min(lifetimeMs, SESSION_LIFETIME_MS);
  const certified = certificate === undefined ? end : Date.parse(certificate.validTo);
  return Math.max(0, Math.min(end, certified)) || 0;
}

/** What a handshake is about to ask for. */
interface Intent {
  readonly relation: Uint8Array;
  readonly suites: readonly Suite[];
  readonly needsExtendedMasterSecret: boolean;
  readonly now: () => number;
}

/** A session with longer to live than any is from the future: the clock was set back. */
const isCurrent = ({ expiresAt }: Session, nowMs: number): boolean =>
  nowMs < expiresAt && expiresAt <= nowMs + SESSION_LIFETIME_MS;

/** Whether a session can be offered: it is still good, and what it was made with is what is wanted now. */
export function isResumable(session: Session, intent: Intent): boolean {
  return (
    session.id.length + session.ticket.length > 0 &&
    isCurrent(session, intent.now()) &&
    intent.suites.includes(session.suite) &&
    (session.isExtendedMasterSecret || !intent.needsExtendedMasterSecret) &&
    isBoundTo(session, session.master, intent.relation)
  );
}

// The forms in which they are saved. The first byte tells them, and later forms, apart.

const SESSION_FORM = 1;
const CONNECTION_FORM = 3; // 2 did not count forgeries

export function encodeSession(session: Session): Buffer {
  return Buffer.concat([
    uint(SESSION_FORM, 1),
    uint(session.suite.id, 2),
    uint(Number(session.isExtendedMasterSecret), 1),
    uint(session.expiresAt, 6),
    vector(1, session.id),
    vector(2, session.ticket),
    vector(1, session.master),
    vector(1, session.binding),
  ]);
}

/** Undefined for bytes that are no session, or one of a suite that we do not speak any more. */
export function decodeSession(bytes: Uint8Array): Session | undefined {
  return attempt(bytes, SESSION_FORM, readSession);
}

function readSession(reader: Reader): Session | undefined {
  const suite = readSuite(reader);
  const isExtendedMasterSecret = reader.uint(1) === 1;
  const expiresAt = reader.uint(6);
  const [id, ticket] = [copy(reader, 1), copy(reader, 2)];
  const [master, binding] = [copy(reader, 1), copy(reader, 1)];
  return suite && { suite, isExtendedMasterSecret, expiresAt, id, ticket, master, binding };
}

export function encodeConnection({ records, session, binding }: Connection): Buffer {
  const { keys, replay } = records;
  return Buffer.concat([
    uint(CONNECTION_FORM, 1),
    uint(records.suite.id, 2),
    uint(Number(records.isEncryptThenMac), 1),
    vector(1, records.peerCid),
    vector(1, records.ownCid),
    encodeDirection(keys.client),
    encodeDirection(keys.server),
    uint(records.nextSequence, 6),
    uint(Math.max(replay.top, 0), 6),
    uint(replay.low, 4),
    uint(replay.high, 4),
    uint(records.forgeries, 6),
    vector(1, binding),
    vector(3, session === undefined ? Buffer.alloc(0) : encodeSession(session)),
  ]);
}

/** Undefined for bytes that are no connection, or one of a suite that we do not speak any more. */
export function decodeConnection(bytes: Uint8Array): Connection | undefined {
  return attempt(bytes, CONNECTION_FORM, readConnection);
}

function readConnection(reader: Reader): Connection | undefined {
  const suite = readSuite(reader);
  const isEncryptThenMac = reader.uint(1) === 1;
  const [peerCid, ownCid] = [copy(reader, 1), copy(reader, 1)];
  const keys = { client: readDirection(reader), server: readDirection(reader) };
  const nextSequence = reader.uint(6);
  const [top, low, high] = [reader.uint(6), reader.uint(4), reader.uint(4)];
  const replay = { top: low % 2 === 1 ? top : -1, low, high }; // the lowest bit is that of the highest number
  const forgeries = reader.uint(6);
  const binding = copy(reader, 1);
  const session = decodeSession(reader.vector(3));
  if (suite === undefined || !hasKeysOf(suite, keys.client) || !hasKeysOf(suite, keys.server))
    return undefined;
  return {
    records: { suite, keys, isEncryptThenMac, peerCid, ownCid, nextSequence, replay, forgeries },
    session,
    binding,
  };
}

const encodeDirection = ({ key, salt, macKey }: DirectionKeys): Buffer =>
  Buffer.concat([vector(1, key), vector(1, salt), vector(1, macKey)]);

const readDirection = (reader: Reader): DirectionKeys => ({
  key: copy(reader, 1),
  salt: copy(reader, 1),
  macKey: copy(reader, 1),
});

const hasKeysOf = ({ cipher }: Suite, { key, salt, macKey }: DirectionKeys): boolean =>
  key.length === cipher.keyLength && salt.length === cipher.saltLength && macKey.length === cipher.macLength;

function readSuite(reader: Reader): Suite | undefined {
  const id = reader.uint(2);
  return SUITES.find((suite) => suite.id === id);
}

const copy = (reader: Reader, lengthSize: number): Buffer => keep(reader.vector(lengthSize));

function attempt<T>(bytes: Uint8Array, form: number, read: (reader: Reader) => T | undefined): T | undefined {
  try {
    const reader = createReader(bytes);
    if (reader.uint(1) !== form) return undefined;
    const value = read(reader);
    reader.end();
    return value;
  } catch {
    return undefined;
  }
}
