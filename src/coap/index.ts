/** coap: requests, answers and observations over lossy datagrams (RFC 7252, 7641, 7959, 8132, 7967). Knows no LwM2M. */
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
  ServerObservation,
} from './request.ts';
export type { Handler } from './server.ts';
export type { BodyHead, BodyLoss, BodySink, OpenBody } from './sink.ts';
export type { CoapStatistics } from './statistics.ts';
export type { ChunkPlace, TakeChunk } from './transfer.ts';
