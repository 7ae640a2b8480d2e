import {
  type Clock,
  createTimers,
  type Logger,
  silentLogger,
  systemClock,
  systemRandom,
  type Timers,
} from '../base/index.ts';
import type { DatagramTransport, Peer, StreamTransport } from '../transport/index.ts';
import type { CoapAnswer } from './answer.ts';
import type { CoapRequestToSend } from './asker.ts';
import { BERT_SZX, LARGEST_SZX, szxOf } from './block.ts';
import { createBodies } from './bodies.ts';
import { createCallOut } from './callback.ts';
import { createClient, type DownloadRequest } from './client.ts';
import { createDatagramLink } from './datagram-link.ts';
import { createExchanges } from './exchanges.ts';
import { createExpectations } from './expectations.ts';
import type { LinkUser } from './link.ts';
import { createObservations } from './observations.ts';
import { type ClientObservation, createObserver } from './observer.ts';
import {
  completeParameters,
  DEFAULT_LIMITS,
  deriveTimes,
  type EndpointLimits,
  type TransmissionParameters,
} from './parameters.ts';
import { type IsKnown, Quota } from './quota.ts';
import { createResponder } from './responder.ts';
import { createServer, type Handler } from './server.ts';
import type { OpenBody } from './sink.ts';
import { type CoapStatistics, createCounters } from './statistics.ts';
import { createStreamLink } from './stream-link.ts';
import { completeStreamParameters, type StreamParameters } from './stream-parameters.ts';
import type { TakeChunk } from './transfer.ts';
import { createUploads } from './uploads.ts';

export interface EndpointOptions {
  /** Belongs to the endpoint from now on, which closes it. Over a stream the rules of RFC 8323 hold. */
  readonly transport: DatagramTransport | StreamTransport;
  /** default: that of this computer */
  readonly clock?: Clock;
  /** for all waiting; without them the endpoint has its own, on one timer of the clock */
  readonly timers?: Timers;
  /**
   * 0 <= x < 1. On plain UDP it is all that keeps strangers from guessing tokens and message ids; default: what nobody
   * can foretell.
   */
  readonly random?: () => number;
  readonly parameters?: Partial<TransmissionParameters>;
  readonly stream?: Partial<StreamParameters>;
  readonly limits?: Partial<EndpointLimits>;
  readonly handler: Handler;
  /** Whether requests are passed over just now, as if they had not come; a retransmission later is served. */
  readonly isDeaf?: (() => boolean) | undefined;
  /** Takes large bodies as they come, such as firmware. Asked once for each body of a PUT, POST, PATCH or iPATCH. */
  readonly openBody?: OpenBody;
  /** Peers that strangers must not push out of what is limited, such as those that are registered; default: none. */
  readonly isKnown?: IsKnown;
  /**
   * Hears that the connection to a peer is over, and with it all that was asked and observed there and here.
   * @param holdOffS for how long the peer has asked not to be connected with again (RFC 8323 5.5)
   * @param error absent: the peer closed it
   */
  readonly onLost?: (peer: Peer, holdOffS: number | undefined, error: Error | undefined) => void;
  readonly log?: Logger;
}

/** Client and server on one transport (RFC 7252, RFC 8323): asks peers, and answers them. */
export interface CoapEndpoint {
  /**
   * Asks, with bodies of any size both ways (RFC 7959). Every code is an answer; errors are about the way there.
   * @throws GatewayError `coap.timeout`, `coap.unsent` (the peer has not seen it), `coap.transport` (no answer, and
   *   the transport knows why), `coap.reset`, `coap.protocol`, `coap.too-large`, `coap.incomplete`, `coap.overloaded`,
   *   `coap.aborted`, `coap.closed`, `coap.bad-request`
   */
  request(peer: Peer, request: CoapRequestToSend): Promise<CoapAnswer>;
  /**
   * Fetches a body that need not fit in memory (RFC 7959 2.4): chunks in their order, each once, all of one
   * representation. More are asked for when `take` has settled; what it throws ends the download.
   * @returns an error as `request` does, also one to a later block; a success without its payload, when all is taken
   * @throws as `request`, and GatewayError `coap.incomplete` if the representation changes, or is not that of `resume`
   */
  download(peer: Peer, request: DownloadRequest, take: TakeChunk): Promise<CoapAnswer>;
  /** Observes (RFC 7641); the first answer is no notification. @throws as `request` */
  observe(
    peer: Peer,
    request: CoapRequestToSend,
    onNotification: (notification: CoapAnswer) => void,
  ): Promise<ClientObservation>;
  /** Asks whether anybody is there (RFC 7252 4.3, RFC 8323 5.4). @throws as `request` */
  ping(peer: Peer): Promise<void>;
  /**
   * Ends the observations of one peer or of all here as `cancelled`, without a word to them; also those that a handler
   * has not answered yet.
   */
  dropObservations(peer?: Peer): void;
  statistics(): CoapStatistics;
  /** Ends all requests and observations, and closes the transport. */
  close(): Promise<void>;
}

/** Own deadlines are kept this exactly, in ms. */
const TIMER_RESOLUTION_MS = 20;

/** @throws GatewayError `coap.bad-parameter` */
export function createEndpoint(options: EndpointOptions): CoapEndpoint {
  const { transport, handler, clock = systemClock, random = systemRandom, log = silentLogger } = options;
  const parameters = completeParameters(options.parameters ?? {});
  const times = deriveTimes(parameters);
  const limits: EndpointLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const timers = options.timers ?? createTimers(clock, TIMER_RESOLUTION_MS);
  const counters = createCounters();
  const callOut = createCallOut(log);
  const { isKnown, openBody } = options;

  const user: LinkUser = {
    onRequest: (peer, message) => server.serve(peer, message),
    isDeaf: options.isDeaf ?? (() => false),
    onResponse: (peer, message) => expectations.take(peer, message),
    onLost(peer, holdOffS, error) {
      // First, so that the user can tell what ends now from what was ended.
      callOut(() => options.onLost?.(peer, holdOffS, error));
      expectations.drop(peer);
      server.dropObservations(peer);
      observations.drop(peer, 'lost');
      uploads.drop(peer);
      bodies.drop(peer);
    },
    isWorkingFor: (peer) => server.isWorkingFor(peer),
  };
  const common = { clock, timers, random, parameters, limits, counters, log, user, isKnown };
  // The one place that knows which it is.
  const link =
    'accept' in transport
      ? createStreamLink({ ...common, transport, stream: completeStreamParameters(options.stream ?? {}) })
      : createDatagramLink({ ...common, transport });

  const largestSzx = link.isReliable ? BERT_SZX : LARGEST_SZX;
  const uploads = createUploads({
    limits,
    clock,
    timers,
    idleMs: times.exchangeLifetimeMs,
    largestSzx,
    openBody,
    isKnown,
    callOut,
    counters,
  });
  const bodies = createBodies({ link, limits, isKnown, counters });
  const observations = createObservations(
    { link, clock, bodies, callOut },
    new Quota({ all: limits.observations, each: limits.observationsPerPeer, isKnown }),
  );
  const work = new Quota({ all: limits.requestsInWork, each: limits.requestsInWorkPerPeer, isKnown });
  const responder = createResponder({ link, bodies, observations, callOut, work, counters });
  const server = createServer({
    link,
    timers,
    parameters,
    limits,
    quota: work,
    counters,
    uploads,
    bodies,
    observations,
    responder,
    handler,
    log,
  });

  const expectations = createExpectations(random);
  const exchanges = createExchanges(link, expectations, timers);
  const client = createClient({
    exchanges,
    clock,
    timers,
    random,
    link,
    szx: szxOf(parameters.blockSize) ?? 0,
    largestSzx,
    mostBytes: limits.bodyBytes,
    timeoutMs: times.maxTransmitWaitMs,
  });
  const observer = createObserver({ client, expectations, isOrdered: link.isReliable, clock, callOut, log });

  const forget = (): void => {
    link.rotate();
    bodies.rotate();
    stopForgetting = timers.after(times.exchangeLifetimeMs, forget);
  };
  let stopForgetting = timers.after(times.exchangeLifetimeMs, forget);

  return {
    request: client.request,
    download: client.download,
    observe: observer.observe,
    ping: (peer) => exchanges.ping(peer, times.maxTransmitWaitMs),
    dropObservations(peer) {
      server.dropObservations(peer);
      observations.drop(peer, 'cancelled');
    },
    statistics: () => ({
      ...counters,
      peers: link.peers,
      outstanding: link.outstanding,
      expected: expectations.size,
      requestsInWork: server.requestsInWork,
      uploads: uploads.size,
      keptBodies: bodies.size,
      observations: observations.size,
    }),
    async close() {
      stopForgetting();
      // First, so that nothing that ends now makes room for something to be sent.
      const closed = link.close();
      exchanges.close();
      observer.close();
      observations.drop(undefined, 'closed');
      server.close();
      await closed;
    },
  };
}
