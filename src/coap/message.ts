import type { Option, OptionToSend } from './option.ts';

/** Message types (RFC 7252 3). */
export const MessageType = { confirmable: 0, nonConfirmable: 1, acknowledgement: 2, reset: 3 } as const;

export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** A message that arrived. Token, options and payload are views of the datagram. */
export interface Message {
  readonly type: MessageType;
  readonly code: number;
  /** message id, which says something only together with the peer */
  readonly mid: number;
  readonly token: Uint8Array;
  readonly options: readonly Option[];
  readonly payload: Uint8Array;
}

/** A message to send, without what the link adds: type and message id. */
export interface MessageToSend {
  readonly code: number;
  readonly token: Uint8Array;
  /** in any order */
  readonly options: readonly OptionToSend[];
  readonly payload: Uint8Array;
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A message that carries nothing (RFC 7252 4.1). */
export const EMPTY_MESSAGE: MessageToSend = { code: 0, token: NO_BYTES, options: [], payload: NO_BYTES };

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
