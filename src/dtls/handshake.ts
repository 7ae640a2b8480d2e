import { timingSafeEqual } from 'node:crypto';
import { createReader, keep, uint, vector } from './bytes.ts';
import type { Credentials } from './credentials.ts';
import type { Agreement } from './ecdhe.ts';
import type { Offer } from './extension.ts';
import { protocolFault } from './fault.ts';
import { createFlightWriter, type Flight } from './flight.ts';
import { decodeServerHello, encodeClientHello, type ServerHello } from './hello.ts';
import { createTranscript, masterSecret, type Randoms, trafficKeys, verifyData } from './keys.ts';
import { encodeFragment, type Message } from './message.ts';
import { HANDSHAKE } from './numbers.ts';
import { type Presence, placeOf, type Rule } from './order.ts';
import type { ProtectionState } from './records.ts';
import { identityOf, premasterSecret } from './secrets.ts';
import {
  type CertificateRequest,
  decodeCertificateRequest,
  decodeNewSessionTicket,
  decodeServerKeyExchange,
  type Ticket,
} from './server-messages.ts';
import { answerShare, readIdentity, type ServerIdentity } from './server-proof.ts';
import { bindingOf, isResumable, type Session, sessionEnd } from './session.ts';
import { schemeFor, signWith } from './signature.ts';
import type { KeyExchange, Suite } from './suites.ts';

export interface HandshakeOptions {
  readonly credentials: Credentials;
  readonly serverName: string | undefined;
  /** {@link relationOf} the two */
  readonly relation: Buffer;
  /** Those that the credentials are for. */
  readonly suites: readonly Suite[];
  readonly groups: readonly number[];
  readonly signatures: readonly number[];
  readonly needsExtendedMasterSecret: boolean;
  readonly connectionId: Uint8Array | undefined;
  /** to be resumed, if the server wants to */
  readonly session: Session | undefined;
  readonly now: () => number;
  readonly random: (size: number) => Buffer;
  /** Hears secrets, as lines of an SSLKEYLOGFILE. */
  readonly keyLog: ((line: string) => void) | undefined;
}

/** What follows from a message of the server, in this order. */
export interface Step {
  /** Epoch 1 is protected by these from now on. */
  readonly protection?: ProtectionState;
  readonly flight?: Flight;
  /** The handshake is complete, and the server is whom we trust. */
  readonly outcome?: Outcome;
}

export interface Outcome {
  readonly suite: Suite;
  readonly isResumed: boolean;
  readonly isExtendedMasterSecret: boolean;
  readonly isEncryptThenMac: boolean;
  /** DER */
  readonly serverCertificate: Buffer | undefined;
  /** Undefined: the server does not resume. Holds the master secret. */
  readonly session: Session | undefined;
}

/** The messages of a client's handshake (RFC 5246 7.3), without records, fragments and time. */
export interface Handshake {
  /** The server has not chosen yet. */
  readonly awaitsHello: boolean;
  /** A new ClientHello; the server may want to see a cookie in it (RFC 6347 4.2.1). */
  hello(cookie: Uint8Array): Flight;
  /**
   * Takes the next message of the server.
   * @throws GatewayError `dtls.malformed`, and then nothing has changed; `dtls.protocol`, `dtls.certificate`, and then
   * the handshake has failed
   */
  take(message: Message): Step;
  /** Overwrites the secrets, other than those of the outcome. */
  erase(): void;
}

interface MessageRule extends Rule {
  /** Reads all of it before anything is changed. @returns what it changes */
  read(body: Buffer): () => Step;
}

const NOTHING = Buffer.alloc(0);
const NOTHING_FOLLOWS: Step = {};
const NO_TICKET: Ticket = { bytes: NOTHING, lifetimeMs: Number.POSITIVE_INFINITY };

export function createHandshake(options: HandshakeOptions): Handshake {
  const { credentials, serverName, session } = options;
  const offeredSession = session && isResumable(session, options) ? session : undefined;
  const offer: Offer = {
    suites: options.suites,
    groups: options.groups,
    signatures: options.signatures,
    serverName,
    wantsRawKeys: credentials.kind === 'raw-public-key',
    connectionId: options.connectionId,
    ticket: offeredSession?.ticket ?? NOTHING,
  };
  const clientRandom = options.random(32);
  // With a ticket the server shows that it resumes by echoing an id of ours, which may be any (RFC 5077 3.4).
  const sessionId = offer.ticket.length > 0 ? options.random(32) : (offeredSession?.id ?? NOTHING);

  const transcript = createTranscript();
  const ours = createFlightWriter(transcript);
  /** Index of the latest message in {@link rules}. */
  let position = -1;
  let serverHello: ServerHello | undefined;
  let isResumed = false;
  let identity: ServerIdentity | undefined;
  let agreement: Agreement | undefined;
  /** The server asks who we are. */
  let requested: CertificateRequest | undefined;
  let ticket = NO_TICKET;
  let master: Buffer = NOTHING;

  const theHello = (): ServerHello => {
    if (serverHello === undefined) throw protocolFault('unexpected_message', 'a message before ServerHello');
    return serverHello;
  };
  const randoms = (): Randoms => ({ client: clientRandom, server: theHello().random });
  const finishedData = (side: 'client' | 'server'): Buffer =>
    verifyData(theHello().suite, master, side, transcript.digest(theHello().suite.hash));

  // ---- our messages

  const addFinished = (): void => {
    ours.changeCipherSpec();
    ours.add(HANDSHAKE.finished, finishedData('client'), 1);
  };

  /** Our certificate or key, if we have one that the server takes. @returns how to sign with it */
  const addCertificate = (request: CertificateRequest): (() => void) => {
    const own = identityOf(credentials, theHello().isClientKeyRaw);
    const { types, schemes } = request;
    const common = schemes.filter((scheme) => offer.signatures.includes(scheme));
    const scheme = own && schemeFor(own.privateKey, { types, schemes: common });
    if (own === undefined || scheme === undefined) {
      ours.add(HANDSHAKE.certificate, vector(3)); // RFC 5246 7.4.6
      return () => {};
    }
    ours.add(HANDSHAKE.certificate, own.shown);
    return () => {
      const signature = signWith(scheme, own.privateKey, transcript.bytes());
      ours.add(HANDSHAKE.certificateVerify, Buffer.concat([uint(scheme, 2), vector(2, signature)]));
    };
  };

  const addKeyExchange = ({ isPsk, isEphemeral }: KeyExchange): void => {
    const psk = isPsk && credentials.kind === 'psk' ? vector(2, credentials.identity) : NOTHING;
    const share = isEphemeral && agreement ? vector(1, agreement.publicKey) : NOTHING;
    ours.add(HANDSHAKE.clientKeyExchange, Buffer.concat([psk, share]));
  };

  const deriveMaster = ({ suite, isExtendedMasterSecret }: ServerHello): void => {
    const premaster = premasterSecret(suite.keyExchange, credentials, agreement?.secret);
    const seed = isExtendedMasterSecret ? transcript.digest(suite.hash) : undefined;
    master = masterSecret(suite, premaster, randoms(), seed);
    premaster.fill(0);
    agreement?.secret.fill(0);
  };

  const protection = ({ suite, isEncryptThenMac, peerCid }: ServerHello): ProtectionState => {
    options.keyLog?.(`CLIENT_RANDOM ${clientRandom.toString('hex')} ${master.toString('hex')}`);
    return {
      suite,
      keys: trafficKeys(suite, master, randoms()),
      isEncryptThenMac,
      peerCid: peerCid ?? NOTHING,
      ownCid: peerCid === undefined ? NOTHING : keep(options.connectionId ?? NOTHING),
    };
  };

  // ---- the server's messages

  const readServerHello = (body: Buffer) => {
    const hello = decodeServerHello(body, offer);
    return (): Step => {
      if (options.needsExtendedMasterSecret && !hello.isExtendedMasterSecret)
        throw protocolFault('handshake_failure', 'the server has no extended master secret (RFC 7627)');
      serverHello = hello;
      if (offeredSession === undefined || !hello.sessionId.equals(sessionId)) return NOTHING_FOLLOWS;
      const { suite, isExtendedMasterSecret } = offeredSession;
      if (suite !== hello.suite || isExtendedMasterSecret !== hello.isExtendedMasterSecret)
        throw protocolFault(
          'illegal_parameter',
          'the server resumes another session than ours (RFC 7627 5.3)',
        );
      isResumed = true;
      ticket = { ...NO_TICKET, bytes: offeredSession.ticket };
      master = keep(offeredSession.master);
      return { protection: protection(hello) };
    };
  };

  const readCertificate = (body: Buffer) => {
    const judge = readIdentity(body, credentials);
    return (): Step => {
      identity = judge(theHello().isServerKeyRaw, serverName, options.now());
      return NOTHING_FOLLOWS;
    };
  };

  const readServerKeyExchange = (body: Buffer) => {
    const { keyExchange } = theHello().suite;
    const share = decodeServerKeyExchange(body, keyExchange);
    return (): Step => {
      if (share !== undefined) agreement = answerShare(share, keyExchange, identity, randoms(), offer);
      return NOTHING_FOLLOWS;
    };
  };

  const readCertificateRequest = (body: Buffer) => {
    const request = decodeCertificateRequest(body);
    return (): Step => {
      requested = request;
      return NOTHING_FOLLOWS;
    };
  };

  const readServerHelloDone = (body: Buffer) => {
    createReader(body).end();
    return (): Step => {
      const hello = theHello();
      const prove = requested && addCertificate(requested);
      addKeyExchange(hello.suite.keyExchange);
      deriveMaster(hello);
      prove?.();
      addFinished();
      return { protection: protection(hello), flight: ours.complete('answer') };
    };
  };

  const readNewSessionTicket = (body: Buffer) => {
    const given = decodeNewSessionTicket(body);
    return (): Step => {
      ticket = given;
      return NOTHING_FOLLOWS;
    };
  };

  const readFinished = (body: Buffer) => {
    const expected = finishedData('server');
    return (): Step => {
      if (body.length !== expected.length || !timingSafeEqual(body, expected))
        throw protocolFault('decrypt_error', 'the Finished of the server is wrong');
      if (isResumed) addFinished();
      const { suite, isExtendedMasterSecret, isEncryptThenMac } = theHello();
      const session = sessionOf(theHello());
      return {
        ...(isResumed && { flight: ours.complete('last') }),
        outcome: {
          suite,
          isResumed,
          isExtendedMasterSecret,
          isEncryptThenMac,
          session,
          serverCertificate: identity?.certificate && keep(identity.certificate.raw),
        },
      };
    };
  };

  const sessionOf = ({ suite, isExtendedMasterSecret, sessionId: id }: ServerHello): Session | undefined => {
    if (id.length === 0 && ticket.bytes.length === 0) {
      master.fill(0);
      return undefined;
    }
    // Resumption makes no session younger.
    const latest = isResumed && offeredSession ? offeredSession.expiresAt : Number.POSITIVE_INFINITY;
    const expiresAt = Math.min(latest, sessionEnd(options.now(), ticket.lifetimeMs, identity?.certificate));
    const binding = bindingOf(master, options.relation);
    return { id, ticket: ticket.bytes, master, suite, isExtendedMasterSecret, expiresAt, binding };
  };

  // ---- their order

  const always = (): Presence => 'must';
  const full = (presence: (suite: KeyExchange) => Presence) => (): Presence =>
    isResumed ? 'never' : presence(theHello().suite.keyExchange);

  /** In the order of RFC 5246 7.3, figures 1 and 2, RFC 5077 3.1, RFC 4279 2. Each comes once at most. */
  const rules: readonly MessageRule[] = [
    { type: HANDSHAKE.serverHello, presence: always, read: readServerHello },
    {
      type: HANDSHAKE.certificate,
      presence: full(({ signedBy }) => (signedBy === undefined ? 'never' : 'must')),
      read: readCertificate,
    },
    {
      type: HANDSHAKE.serverKeyExchange,
      presence: full(({ isEphemeral }) => (isEphemeral ? 'must' : 'may')),
      read: readServerKeyExchange,
    },
    {
      type: HANDSHAKE.certificateRequest,
      presence: full(({ signedBy }) => (signedBy === undefined ? 'never' : 'may')),
      read: readCertificateRequest,
    },
    { type: HANDSHAKE.serverHelloDone, presence: full(always), read: readServerHelloDone },
    {
      type: HANDSHAKE.newSessionTicket,
      presence: () => (theHello().willSendTicket ? 'may' : 'never'),
      read: readNewSessionTicket,
    },
    { type: HANDSHAKE.finished, presence: always, read: readFinished },
  ];

  return {
    get awaitsHello() {
      return position < 0;
    },
    hello(cookie) {
      // A ClientHello without the cookie, and the request for it, are not part of the transcript (RFC 6347 4.2.1).
      transcript.clear();
      ours.add(HANDSHAKE.clientHello, encodeClientHello({ random: clientRandom, sessionId, cookie, offer }));
      return ours.complete('hello');
    },
    take(message) {
      const [at, rule] = placeOf(message.type, position, rules);
      const apply = rule.read(message.body);
      position = at;
      transcript.add(encodeFragment(message));
      return apply();
    },
    erase() {
      agreement?.secret.fill(0);
      master.fill(0);
    },
  };
}
