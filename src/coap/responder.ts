import type { Block } from './block.ts';
import type { Bodies } from './bodies.ts';
import type { CallOut } from './callback.ts';
import { classOf, isSuccess, RESPONSE_CODES } from './code.ts';
import { type Link, type Room, unattended } from './link.ts';
import type { MessageToSend } from './message.ts';
import type { Observations } from './observations.ts';
import type { Quota } from './quota.ts';
import type { CoapResponse, IncomingRequest } from './request.ts';
import { writeResponse } from './response.ts';
import type { Counters } from './statistics.ts';

export interface ResponderOptions {
  readonly link: Link;
  readonly bodies: Bodies;
  readonly observations: Observations;
  readonly callOut: CallOut;
  /** of what is in work for peers */
  readonly work: Quota;
  readonly counters: Pick<Counters, 'observationsRefused'>;
}

/** How far a request has come when it is answered. */
export interface Progress {
  /** Whether it can open a relation: not if those of its peer were dropped meanwhile. */
  readonly mayObserve: boolean;
  /** The request has been acknowledged already. */
  readonly isAcknowledged: boolean;
  /** Sequence number of the relation that the request has ended, or 0. */
  readonly sequence: number;
}

/** Sends the responses to requests, in blocks and with relations if need be. */
export interface Responder {
  /** @throws GatewayError `coap.bad-request`, and then nothing was sent */
  respond(request: IncomingRequest, response: CoapResponse, progress: Progress): void;
  /** For a response that comes too late to be sent: whoever wants to be observed hears that it is over. */
  decline(request: IncomingRequest, response: CoapResponse): void;
}

/** A request that nothing has happened to yet. */
export const FRESH: Progress = { mayObserve: true, isAcknowledged: false, sequence: 0 };

export function createResponder(options: ResponderOptions): Responder {
  const { link, bodies, observations, callOut, work, counters } = options;
  const send = (request: IncomingRequest, message: MessageToSend, { isAcknowledged }: Progress): void => {
    if (!isAcknowledged) {
      link.reply(request.peer, request.message, unattended(message));
    } else if (request.confirmable) {
      // A peer that never acknowledges must not make separate responses pile up.
      work.take(request.peer);
      link.send(request.peer, { message, settled: () => work.give(request.peer) }, true);
    } else {
      link.send(request.peer, unattended(message), false);
    }
  };

  const write = (request: IncomingRequest, response: CoapResponse, observe?: number): MessageToSend => {
    const { block2, token } = request;
    const block1 = request.block1 && acceptedSize(request.block1, link.room(request.peer, []));
    const additions = { observe, block1 };
    if (response.code === '2.31') return writeResponse(response, token, additions);
    return bodies.write(request, response, token, block2, additions);
  };

  const answer = (request: IncomingRequest, response: CoapResponse, progress: Progress): void => {
    if (isWanted(request, response)) send(request, write(request, response), progress);
    else if (!progress.isAcknowledged) link.acknowledge(request.peer, request.message);
  };

  /** Opens the relation if it can be. If not, the handler gets one that is over, and need not wait for it. */
  const answerObserver = (
    request: IncomingRequest,
    response: CoapResponse,
    progress: Progress,
    onObserve: OnObserve,
  ): void => {
    const observation = observations.create(request, progress.sequence);
    // Written before it is entered, as that may fail.
    const mayOpen = progress.mayObserve && isGrantable(request, response);
    const message = mayOpen ? write(request, response, observation.sequence) : undefined;
    const isOpen = message !== undefined && observations.enter(observation);
    if (message !== undefined && !isOpen) counters.observationsRefused++;
    if (isOpen) observation.open(message, progress.isAcknowledged ? undefined : request.message);
    else answer(request, response, progress);
    callOut(() => onObserve(observation));
    if (!isOpen) observation.cancel();
  };

  return {
    respond(request, response, progress) {
      const { onObserve } = response;
      if (onObserve === undefined || request.observe !== 0) answer(request, response, progress);
      else answerObserver(request, response, progress, onObserve);
    },
    decline(request, { onObserve }) {
      if (onObserve === undefined || request.observe !== 0) return;
      const observation = observations.create(request, 0);
      callOut(() => onObserve(observation));
      observation.cancel();
    },
  };
}

/** Smaller blocks are asked for by answering with their size (RFC 7959 2.3). */
function acceptedSize(block: Block, room: Room): Block {
  return { ...block, szx: Math.min(block.szx, room.szx) };
}

type OnObserve = NonNullable<CoapResponse['onObserve']>;

function isGrantable(request: IncomingRequest, response: CoapResponse): boolean {
  return isSuccess(RESPONSE_CODES[response.code]) && isWanted(request, response);
}

/**
 * Bit 2^(class - 1) of No-Response says that responses of this class are not wanted (RFC 7967 2.1). Without 2.31 there
 * would be no next block.
 */
function isWanted({ noResponse }: IncomingRequest, { code }: CoapResponse): boolean {
  return (
    noResponse === 0 || code === '2.31' || (noResponse & (1 << (classOf(RESPONSE_CODES[code]) - 1))) === 0
  );
}
