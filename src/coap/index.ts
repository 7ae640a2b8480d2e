/** coap: requests, answers and observations over datagrams and streams (RFC 7252, 7641, 7959, 8132, 7967, 8323, 9175). Knows no LwM2M. */

/*
 * With a transport of src/transport this is all that CoAP takes; test/coap/alone.test.ts is an example.
 *
 * A map for who is new here, from the user down to the bytes; `endpoint` joins all of it, `parameters` and `statistics` are for all:
 *
 *     as client                          as server
 *     client    whole requests           server        a request, from its message to its response
 *     observer  relations of ours        uploads, sink its body, in blocks (and quota: how much each peer may have)
 *     transfer  bodies in blocks         responder     its response, in blocks kept in `bodies`
 *     asker     one request's messages   observations, observation   relations of peers, and what they are told
 *     exchanges, expectations            request, response   what options say; freshness: Echo
 *               message and answer
 *     ------------------------------ link: the seam to what carries messages ------------------------------
 *     datagram-link   types, duplicates, resets           outbox, destination, message-ids   retransmission, NSTART, ids
 *     stream-link     what waits for its answer           stream-channel, signal   one connection, CSM to Abort
 *     codec, frame, message, option, block, code, text    bytes to messages and back
 */

export type { CoapAnswer } from './answer.ts';
export type { CoapRequestToSend } from './asker.ts';
export type { DownloadRequest } from './client.ts';
export type { Method, ResponseCode } from './code.ts';
export type { CoapEndpoint, EndpointOptions } from './endpoint.ts';
export { createEndpoint } from './endpoint.ts';
export type { Freshness, FreshnessOptions } from './freshness.ts';
export { createFreshness } from './freshness.ts';
export type { MessageIdPolicy } from './message-ids.ts';
export type { ClientObservation, ClientObservationEnd } from './observer.ts';
export type { Option, OptionToSend } from './option.ts';
export { OptionNumber } from './option.ts';
export type { EndpointLimits, TransmissionParameters, TransmissionTimes } from './parameters.ts';
export { transmissionTimes } from './parameters.ts';
export type {
  CoapRequest,
  CoapResponse,
  NotificationOutcome,
  NotifyOptions,
  ObservationEnd,
  ObservationOwner,
  ServerObservation,
} from './request.ts';
export type { Handler } from './server.ts';
export type { BodyHead, BodyLoss, BodySink, OpenBody } from './sink.ts';
export type { CoapStatistics } from './statistics.ts';
export type { StreamParameters } from './stream-parameters.ts';
export type { ChunkPlace, TakeChunk } from './transfer.ts';
