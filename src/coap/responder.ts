import type { Bodies } from './bodies.ts';
import type { CallOut } from './callback.ts';
import { classOf, isSuccess, RESPONSE_CODES } from './code.ts';
import { type Link, unattended } from './link.ts';
import type { MessageToSend } from './message.ts';
import type { Observations } from './observations.ts';
import type { CoapResponse, IncomingRequest } from './request.ts';

export interface ResponderOptions {
  readonly link: Link;
  readonly bodies: Bodies;
  readonly observations: Observations;
  readonly callOut: CallOut;
}

/** How far a request has come when it is answered. */
export interface Progress {
  /** The request has been acknowledged already. */
  readonly isAcknowledged: boolean;
  /** Sequence number of the relation that the request has ended, or 0. */
  readonly sequence: number;
}

/** Sends the response to a request, in blocks and with a relation if need be. */
export type Respond = (request: IncomingRequest, response: CoapResponse, progress: Progress) => void;

/** A request that nothing has happened to yet. */
export const FRESH: Progress = { isAcknowledged: false, sequence: 0 };

export function createResponder({ link, bodies, observations, callOut }: ResponderOptions): Respond {
  const send = (request: IncomingRequest, message: MessageToSend, { isAcknowledged }: Progress): void => {
    if (isAcknowledged) link.send(request.peer, unattended(message), request.confirmable);
    else link.reply(request.peer, request.message, unattended(message));
  };

  const write = (request: IncomingRequest, response: CoapResponse, observe?: number): MessageToSend => {
    const { block1, block2, token } = request;
    const additions = {
      ...(observe !== undefined && { observe }),
      ...(block1 !== undefined && { block1 }),
    };
    return bodies.write(request, response, token, block2, additions);
  };

  const answer: Respond = (request, response, progress) => {
    if (isWanted(request, response)) send(request, write(request, response), progress);
    else if (!progress.isAcknowledged) link.acknowledge(request.peer, request.message);
  };

  /** Opens the relation if all agree. If not, the handler gets one that is over, and need not wait for it. */
  const answerObserver = (
    request: IncomingRequest,
    response: CoapResponse,
    progress: Progress,
    onObserve: NonNullable<CoapResponse['onObserve']>,
  ): void => {
    const observation = observations.create(request, progress.sequence);
    const isOpen = isObservable(request, response) && observations.enter(observation);
    if (isOpen) observation.open(write(request, response, observation.sequence), progress.isAcknowledged);
    else answer(request, response, progress);
    callOut(() => onObserve(observation));
    if (!isOpen) observation.cancel();
  };

  return (request, response, progress) => {
    const { onObserve } = response;
    if (onObserve === undefined) answer(request, response, progress);
    else answerObserver(request, response, progress, onObserve);
  };
}

function isObservable(request: IncomingRequest, response: CoapResponse): boolean {
  return request.observe === 0 && isSuccess(RESPONSE_CODES[response.code]) && isWanted(request, response);
}

/** Bit 2^(class - 1) of No-Response says that responses of this class are not wanted (RFC 7967 2.1). */
function isWanted({ noResponse }: IncomingRequest, { code }: CoapResponse): boolean {
  return noResponse === 0 || (noResponse & (1 << (classOf(RESPONSE_CODES[code]) - 1))) === 0;
}
