import { GatewayError, isGatewayError, messageOf } from '../base/index.ts';
import { DEFAULT_TIMERS, type DtlsClient, openDtlsClient, type RetransmissionTimers } from '../dtls/index.ts';
import {
  type DatagramTransport,
  deafReceiver,
  type Peer,
  type UdpClientOptions,
} from '../transport/index.ts';
import { type BindingPorts, tellSilence } from './ports.ts';
import { dtlsOffer, type LinkSecurity } from './security.ts';

/** What is left of an association for the next one. Secret. */
export interface Resumption {
  /** Makes its handshake short. */
  session?: Buffer | undefined;
  /** Makes it needless, once: it must be removed from wherever it is kept before a link is opened with it. */
  connection?: Buffer | undefined;
  /** The link leaves a connection at its end and does not tell the server, where that gave us a connection id. */
  suspends?: boolean;
  /** The server wants to be left alone until then, in ms of the monotonic clock: over a stream, see RFC 8323 5.5. */
  notBefore?: number | undefined;
}

/** What the user of a link hears. */
export interface LinkEvents {
  /** What was registered and observed is gone, with the connection or the association. */
  lost(): void;
  /** The association goes on after a resumption: the server may know us by another address. */
  moved(): void;
}

/** Datagrams to one server under DTLS, over as many associations as it takes. */
export interface SecureLink {
  readonly transport: DatagramTransport;
  /** The server, once an association stands; another one after a full handshake. Rejects when there is none. */
  peer(): Promise<Peer>;
  /**
   * The server does not answer: perhaps it has forgotten the association, or a NAT in between has forgotten us. If it
   * was not heard since, a new handshake shows.
   * @param since monotonic time
   * @param isCheap only if the handshake can be a short one, after which everything goes on
   */
  doubt(since: number, isCheap: boolean): void;
}

/** An association that ends sooner is not followed by another at once: a server may end each. */
const SHORT_LIFE_MS = 10_000;

const ACK_TIMEOUT_MS = 2000;

/** RFC 7925 11 says 9 s, 60 s, and 120 s in all; a link with another ACK_TIMEOUT is slower or faster in everything. */
function timersOf(ackTimeoutMs = ACK_TIMEOUT_MS): RetransmissionTimers {
  const scaled = (ms: number): number => (ms * ackTimeoutMs) / ACK_TIMEOUT_MS;
  const { firstMs, mostMs, totalMs } = DEFAULT_TIMERS;
  return { firstMs: scaled(firstMs), mostMs: scaled(mostMs), totalMs: scaled(totalMs) };
}

/** Whether an association ended by a fatal alert of either side, after which nobody may resume its session (RFC 5246 7.2.2). */
const isFatal = (error: Error | undefined): boolean =>
  error !== undefined && !isGatewayError(error, 'dtls.closed');

/** Whether no datagram ever left. */
const isUnasked = (error: unknown): boolean => isGatewayError(error) && error.code.startsWith('transport.');

/** With a shared key silence is what many servers have for clients that they do not know. */
function withHint(error: unknown, { kind }: LinkSecurity['credentials']): unknown {
  if (kind !== 'psk' || !isGatewayError(error, 'dtls.timeout')) return error;
  const hint = 'is the server there, and does it know this identity and key?';
  return new GatewayError('dtls.timeout', `${error.message}; ${hint}`, { cause: error });
}

/** Where to, with what, and how. */
export interface SecureLinkOptions {
  readonly udp: UdpClientOptions;
  readonly security: LinkSecurity;
  readonly resumption: Resumption;
  readonly ackTimeoutMs?: number | undefined;
}

/**
 * @param events absent: the link ends with the first association
 * @throws GatewayError `dtls.*`, `transport.*`
 */
export async function openSecureLink(
  { udp, security, resumption, ackTimeoutMs }: SecureLinkOptions,
  { clock, timers, log, keyLog }: BindingPorts,
  events: LinkEvents | undefined,
): Promise<SecureLink> {
  const { credentials, serverName } = security;
  const offer = dtlsOffer(security);
  const giveUp = new AbortController();
  const { signal } = giveUp;
  let receiver = deafReceiver;
  let openedAt = 0;
  let heardAt = 0;
  let renewing: Promise<void> | undefined;
  let fault: unknown;

  const open = async (): Promise<DtlsClient> => {
    const { session, connection } = resumption;
    // What a server stumbles over is not tried again.
    resumption.session = undefined;
    resumption.connection = undefined;
    const server = `${udp.host}:${udp.port}`;
    log.debug({ server }, 'DTLS');
    const noPatience = tellSilence({ timers, log }, server);
    const opened = await openDtlsClient({
      udp,
      credentials,
      serverName,
      clock,
      signal,
      timers: timersOf(ackTimeoutMs),
      ...offer,
      ...(session !== undefined && { session }),
      ...(connection !== undefined && { connection }),
      ...(keyLog !== undefined && { keyLog }),
    })
      .catch((error: unknown) => {
        if (isUnasked(error)) resumption.session = session;
        throw withHint(error, credentials);
      })
      .finally(noPatience);
    resumption.session = opened.session();
    openedAt = clock.monotonic();
    heardAt = openedAt;
    const { suite, isResumed, isRestored, hasPeerCid } = opened.details;
    const facts = { server, suite, isResumed, hasPeerCid };
    log.info(facts, isRestored ? 'the DTLS association of before goes on' : 'DTLS handshake done');
    opened.transport.receive({
      onMessage(bytes) {
        heardAt = clock.monotonic();
        receiver.onMessage(bytes, peer);
      },
      onError: (error) => receiver.onError(error, peer),
    });
    return opened;
  };

  let client = await open();
  let { peer } = client;

  const watch = (): void => {
    const watched = client;
    void watched.ended.then((error) => {
      if (watched !== client) return;
      if (isFatal(error)) resumption.session = undefined;
      if (!signal.aborted) renew(error);
    });
  };

  const renew = (why: Error | undefined): void => {
    if (events === undefined || renewing !== undefined || fault !== undefined) return;
    const isShortLived = why !== undefined && clock.monotonic() - openedAt < SHORT_LIFE_MS;
    log.info({ problem: why === undefined ? 'no answer' : messageOf(why) }, 'a new DTLS handshake is needed');
    const replace = async (): Promise<void> => {
      await client.transport.close();
      if (isShortLived) throw why;
      client = await open();
      watch();
      if (client.details.isResumed) return events.moved();
      // Messages of another session are of another endpoint (RFC 7252 9.1.1).
      peer = client.peer;
      events.lost();
    };
    renewing = replace()
      .catch((error: unknown) => {
        fault = error;
        if (!signal.aborted) events.lost();
      })
      .finally(() => {
        renewing = undefined;
      });
  };

  watch();
  return {
    transport: {
      get localPort() {
        return client.transport.localPort;
      },
      receive(next) {
        receiver = next;
      },
      send(bytes, to) {
        if (to.key === peer.key && renewing === undefined && fault === undefined)
          client.transport.send(bytes, client.peer);
        else receiver.onError(new GatewayError('dtls.closed', 'there is no association just now'), to);
      },
      async close() {
        receiver = deafReceiver;
        giveUp.abort();
        if (resumption.suspends === true && renewing === undefined && fault === undefined)
          resumption.connection = await client.suspend();
        await client.transport.close();
        await renewing;
        await client.transport.close();
      },
    },
    async peer() {
      await renewing;
      if (fault !== undefined) throw fault;
      return peer;
    },
    doubt(since, isCheap) {
      if (heardAt <= since && (!isCheap || resumption.session !== undefined)) renew(undefined);
    },
  };
}
