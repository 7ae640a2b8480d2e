import { type Cancel, Chain, ChainMember, type Logger, messageOf, type Timers } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import { BERT_SZX, LARGEST_SZX } from './block.ts';
import type { Bodies } from './bodies.ts';
import { type Link, unattended } from './link.ts';
import { type Message, MessageType } from './message.ts';
import type { Observations } from './observations.ts';
import type { EndpointLimits, TransmissionParameters } from './parameters.ts';
import type { Quota } from './quota.ts';
import {
  type CoapRequest,
  type CoapResponse,
  type IncomingRequest,
  readRequest,
  type Unservable,
} from './request.ts';
import { FRESH, type Progress, type Responder } from './responder.ts';
import { writeResponse } from './response.ts';
import type { Counters } from './statistics.ts';
import type { Taken, Uploads } from './uploads.ts';

/** Answers a request; bodies are whole both ways, and must not be changed afterwards. What it throws becomes 5.00. */
export type Handler = (request: CoapRequest) => CoapResponse | Promise<CoapResponse>;

export interface ServerOptions {
  readonly link: Link;
  readonly timers: Timers;
  readonly parameters: TransmissionParameters;
  readonly limits: EndpointLimits;
  /** of requests in work, separate responses included */
  readonly quota: Quota;
  readonly counters: Counters;
  readonly uploads: Uploads;
  readonly bodies: Bodies;
  readonly observations: Observations;
  readonly responder: Responder;
  readonly handler: Handler;
  readonly log: Logger;
}

/** Serves requests: from the message that arrives to the response that leaves. */
export interface Server {
  serve(peer: Peer, message: Message): void;
  readonly requestsInWork: number;
  /** What handlers still work on opens no observation any more: those of one peer, or all. */
  dropObservations(peer?: Peer): void;
  isWorkingFor(peer: Peer): boolean;
  /** What handlers still work on is not answered any more. */
  close(): void;
}

/** A request that its handler still works on. */
class Work extends ChainMember implements Progress {
  readonly request: IncomingRequest;
  readonly sequence: number;
  mayObserve = true;
  isAcknowledged = false;
  stopTimer: Cancel;

  /** @param startTimer until the request has to be acknowledged */
  constructor(request: IncomingRequest, sequence: number, startTimer: (work: Work) => Cancel) {
    super();
    this.request = request;
    this.sequence = sequence;
    this.stopTimer = startTimer(this);
  }
}

const FAILED: CoapResponse = { code: '5.00' };
const TOO_LATE: CoapResponse = { code: '5.04' };
const TOO_MANY: CoapResponse = { code: '5.03', maxAgeS: 5 };
const BAD_BLOCK: CoapResponse = { code: '4.00' };
const NOT_KEPT: CoapResponse = { code: '4.08' };

export function createServer(options: ServerOptions): Server {
  const { link, timers, parameters, limits, quota, counters, uploads, bodies, observations, responder, log } =
    options;
  /** what handlers still work on */
  const working = new Chain<Work>();

  /** An error instead of 5.00 would tell strangers about our insides. */
  const failed = (error: unknown): CoapResponse => {
    counters.handlerFailures++;
    log.error({ problem: messageOf(error) }, 'a request handler failed');
    return FAILED;
  };

  const respond: Responder['respond'] = (request, response, progress) => {
    try {
      responder.respond(request, response, progress);
    } catch (error) {
      // It has what no message can carry.
      responder.respond(request, failed(error), progress);
      responder.decline(request, response);
    }
  };

  const finish = (work: Work, response: CoapResponse): void => {
    if (!working.remove(work)) {
      responder.decline(work.request, response);
      return;
    }
    work.stopTimer();
    quota.give(work.request.peer);
    respond(work.request, response, work);
  };

  const giveUp = (work: Work): void => {
    counters.handlerFailures++;
    log.warn({ path: work.request.path }, 'a request handler takes too long');
    finish(work, TOO_LATE);
  };

  const acknowledge = (work: Work): void => {
    work.isAcknowledged = true;
    link.acknowledge(work.request.peer, work.request.message);
    work.stopTimer = timers.after(limits.handlerMs - parameters.piggybackMs, () => giveUp(work));
  };

  const startPiggyback = (work: Work): Cancel =>
    timers.after(parameters.piggybackMs, () => acknowledge(work));

  /** A handler that takes its time gets an empty acknowledgement for its request, then a deadline (RFC 7252 5.2.2). */
  const wait = (request: IncomingRequest, response: Promise<CoapResponse>, sequence: number): void => {
    const work = new Work(request, sequence, startPiggyback);
    working.add(work);
    quota.take(request.peer);
    response.then(
      (response) => finish(work, response),
      (error) => finish(work, failed(error)),
    );
  };

  const handle = (request: IncomingRequest): CoapResponse | Promise<CoapResponse> => {
    counters.requestsServed++;
    try {
      return options.handler(request);
    } catch (error) {
      return failed(error);
    }
  };

  /** Registering again replaces the relation, and Observe=1 ends it (RFC 7641 4.1, 3.6). */
  const endRelation = (request: IncomingRequest): number =>
    request.observe === undefined
      ? 0
      : observations.end(request, request.observe === 0 ? 'replaced' : 'deregistered');

  const refuse = (request: IncomingRequest, response: CoapResponse): void => {
    counters.requestsRefused++;
    respond(request, response, FRESH);
  };

  const serveWhole = (request: IncomingRequest): void => {
    if (quota.isSpent(request.peer) || quota.isFull(request.peer)) {
      counters.requestsTurnedAway++;
      refuse(request, TOO_MANY);
      return;
    }
    const sequence = endRelation(request);
    const response = handle(request);
    if ('then' in response) wait(request, response, sequence);
    else respond(request, response, sequence === 0 ? FRESH : { ...FRESH, sequence });
  };

  /** What answers the body, or one block of it, if it is not for the handler. */
  const take = (request: IncomingRequest): Taken => {
    try {
      return uploads.take(request);
    } catch (error) {
      return failed(error);
    }
  };

  const serveBody = (request: IncomingRequest): void => {
    const taken = take(request);
    if (taken === undefined) serveWhole(request);
    else if ('then' in taken) wait(request, taken, 0);
    else respond(request, taken, FRESH);
  };

  /** A later block of an answer that we keep; the handler makes a new one only if asking it twice does no harm. */
  const serveLaterBlock = (request: IncomingRequest): void => {
    // Observing begins with the first block (RFC 7959 3.4).
    request.observe = undefined;
    const kept = bodies.find(request);
    if (kept !== undefined) respond(request, kept, FRESH);
    else if (isRepeatable(request)) serveWhole(request);
    else refuse(request, NOT_KEPT);
  };

  const serveRequest = (request: IncomingRequest): void => {
    const { block1, block2 } = request;
    if (block2 !== undefined && block2.szx > (link.isReliable ? BERT_SZX : LARGEST_SZX)) {
      refuse(request, BAD_BLOCK);
    } else if (block1 === undefined && block2 !== undefined && block2.number > 0) {
      serveLaterBlock(request);
    } else {
      serveBody(request);
    }
  };

  const reply = (peer: Peer, message: Message, response: CoapResponse): void =>
    link.reply(peer, message, unattended(writeResponse(response, message.token)));

  const turnAway = (peer: Peer, message: Message, { code, isSilent }: Unservable): void => {
    counters.requestsRefused++;
    if (message.type === MessageType.confirmable || !isSilent) reply(peer, message, { code });
  };

  return {
    get requestsInWork() {
      return working.size;
    },
    isWorkingFor({ key }) {
      let isFound = false;
      working.forEach(({ request }) => {
        isFound ||= request.peer.key === key;
      });
      return isFound;
    },
    serve(peer, message) {
      const request = readRequest(peer, message);
      if ('isSilent' in request) turnAway(peer, message, request);
      else serveRequest(request);
    },
    dropObservations(peer) {
      working.forEach((work) => {
        if (peer === undefined || work.request.peer.key === peer.key) work.mayObserve = false;
      });
    },
    close() {
      working.forEach((work) => {
        work.stopTimer();
        working.remove(work);
      });
      uploads.drop();
    },
  };
}

/** Whether the handler can be asked for one block as well as for all. */
function isRepeatable({ method, payload }: IncomingRequest): boolean {
  return method === 'GET' || (method === 'FETCH' && payload.length > 0);
}
