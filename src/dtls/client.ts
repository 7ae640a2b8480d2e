import { randomBytes } from 'node:crypto';
import { GatewayError, isGatewayError, messageOf } from '../base/index.ts';
import {
  type DatagramReceiver,
  type DatagramTransport,
  openUdpClient,
  type Peer,
  type UdpClientOptions,
} from '../transport/index.ts';
import { createAssociation } from './association.ts';
import type {
  Association,
  AssociationCounters,
  AssociationDetails,
  AssociationOptions,
  Engine,
} from './engine.ts';

export interface DtlsClientOptions extends AssociationOptions {
  /** The way to the server; whom its certificate must be for says `serverName`. */
  readonly udp: UdpClientOptions;
  /** default: ours */
  readonly engine?: Engine;
  /** Gives up the handshake. */
  readonly signal?: AbortSignal;
}

/** One association with one server. When it ends, open another, with its session if there is one. */
export interface DtlsClient {
  /** Application data. What cannot be sent is told to `onError`, e.g. `dtls.closed` after the end. */
  readonly transport: DatagramTransport;
  /** The server, as long as this association lasts. */
  readonly peer: Peer;
  readonly details: AssociationDetails;
  readonly counters: AssociationCounters;
  /** Resolves when it has ended; without an error: closed or suspended by ourselves. Never rejects. */
  readonly ended: Promise<Error | undefined>;
  /** See {@link Association.session}. */
  session(): Buffer | undefined;
  /** Like {@link Association.suspend}; the socket is closed as well. */
  suspend(): Promise<Buffer | undefined>;
  /**
   * Goes on from a new socket, e.g. after a change of network, with the server's address resolved anew.
   * @returns false, and nothing has happened, without a connection id of the server: it would not know us
   * @throws GatewayError `transport.unresolved`, `transport.unopened`; the old socket is kept
   */
  rebind(): Promise<boolean>;
}

const MOST_UNHEARD = 8;

type Carrier = Awaited<ReturnType<typeof openUdpClient>>;

/**
 * Shakes hands with a server over UDP.
 * @throws GatewayError `dtls.bad-options`; `transport.unresolved`, `transport.unopened`; `dtls.timeout`;
 * `dtls.certificate` when the server is not whom we trust; `dtls.alert` when it refuses us; `dtls.protocol`;
 * `dtls.closed`; `dtls.failed`
 */
export async function openDtlsClient(options: DtlsClientOptions): Promise<DtlsClient> {
  const { engine = createAssociation, signal } = options;
  const opening = pending<AssociationDetails>();
  const ending = pending<Error | undefined>();
  let carrier: Carrier | undefined;
  let peer: Peer | undefined;
  let receiver: DatagramReceiver | undefined;
  /** What came with the end of the handshake, before anybody could listen. */
  const unheard: Buffer[] = [];
  /** What the network told last. It may be forged, so it only explains why nobody answers. */
  let hint: Error | undefined;

  const association = engine(options, {
    transmit: (datagram) => carrier?.transport.send(datagram, carrier.peer),
    opened: opening.resolve,
    received(bytes) {
      if (peer !== undefined && receiver !== undefined) receiver.onMessage(bytes, peer);
      else if (unheard.length < MOST_UNHEARD) unheard.push(bytes);
    },
    ended(error) {
      opening.reject(explain(error, hint));
      ending.resolve(error);
    },
  });

  const attach = (next: Carrier): void => {
    carrier = next;
    next.transport.receive({
      onMessage: (bytes) => association.receive(bytes),
      onError(error) {
        hint = error;
        options.udp.log?.debug({ peer: peer?.key, error: error.message }, 'the network reports an error');
        receiver?.onError(error, peer);
      },
    });
  };

  const first = await openUdpClient(options.udp);
  const server = nameOf(first.peer);
  peer = server;
  attach(first);
  const details = await handshake(association, opening.promise, signal).catch(async (error: unknown) => {
    await first.transport.close();
    throw error;
  });

  const closeCarrier = async (): Promise<void> => {
    await carrier?.transport.close();
  };
  return {
    transport: {
      get localPort() {
        return carrier?.transport.localPort ?? 0;
      },
      receive(next) {
        receiver = next;
        if (unheard.length > 0)
          setImmediate(() => {
            for (const bytes of unheard.splice(0)) receiver?.onMessage(bytes, server);
          });
      },
      send(bytes, to) {
        try {
          if (to.key !== server.key)
            throw new GatewayError('dtls.stranger', `associated with ${server.key}, not with ${to.key}`);
          association.send(bytes);
        } catch (error) {
          receiver?.onError(error instanceof Error ? error : new Error(messageOf(error)), to);
        }
      },
      close() {
        association.close();
        receiver = undefined;
        return closeCarrier();
      },
    },
    peer: server,
    details,
    get counters() {
      return association.counters;
    },
    ended: ending.promise,
    session: () => association.session(),
    async suspend() {
      const saved = association.suspend();
      if (saved !== undefined) await closeCarrier();
      return saved;
    },
    async rebind() {
      if (!details.hasPeerCid || !association.isOpen) return false;
      const next = await openUdpClient(options.udp);
      // It may have ended meanwhile.
      const [old, isOpen] = [carrier, association.isOpen];
      if (isOpen) attach(next);
      await (isOpen ? old : next)?.transport.close();
      return isOpen;
    },
  };
}

interface Pending<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function pending<T>(): Pending<T> {
  let settle: Omit<Pending<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => {}); // nobody need wait for it
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}

function handshake(
  association: Association,
  opened: Promise<AssociationDetails>,
  signal: AbortSignal | undefined,
): Promise<AssociationDetails> {
  const giveUp = (): void => association.close();
  signal?.addEventListener('abort', giveUp, { once: true });
  association.start();
  if (signal?.aborted) giveUp();
  return opened.finally(() => signal?.removeEventListener('abort', giveUp));
}

/** A name of its own for each association: CoAP must not match messages across them (RFC 7252 9.1.1). */
function nameOf({ key, address, port }: Peer): Peer {
  return { key: `dtls:${key}#${randomBytes(4).toString('hex')}`, address, port };
}

function explain(error: Error | undefined, hint: Error | undefined): Error {
  if (error === undefined) return new GatewayError('dtls.closed', 'the DTLS handshake was given up');
  if (hint === undefined || !isGatewayError(error, 'dtls.timeout')) return error;
  return new GatewayError('dtls.timeout', `${error.message}; the network says: ${hint.message}`, {
    cause: hint,
  });
}
