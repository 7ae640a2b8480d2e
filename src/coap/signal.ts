import { formatCode } from './code.ts';
import { type Message, type MessageToSend, NO_BYTES } from './message.ts';
import { createOptionReader, type Option, type OptionReader, type OptionToSend, uintInto } from './option.ts';

/** Codes of messages about the connection itself (RFC 8323 11.1). */
export const SignalCode = { csm: 0xe1, ping: 0xe2, pong: 0xe3, release: 0xe4, abort: 0xe5 } as const;

export type SignalCode = (typeof SignalCode)[keyof typeof SignalCode];

export function isSignal(code: number): boolean {
  return code >> 5 === 7;
}

/** What the options of a signalling message say; their numbers mean something only together with the code. */
export interface Signal {
  /** Max-Message-Size of CSM */
  maxMessageSize: number | undefined;
  /** Block-Wise-Transfer of CSM */
  isBlockWise: boolean;
  /** Hold-Off of Release: seconds in which the peer wants no new connection (RFC 8323 5.5) */
  holdOffS: number | undefined;
}

const isAccepted = (): boolean => true;

/** RFC 8323 11.2. All that is defined is elective; options without a rule are not known. */
const READERS: Readonly<Record<SignalCode, OptionReader<Signal>>> = {
  [SignalCode.csm]: createOptionReader<Signal>({
    2: { length: [0, 4], read: uintInto('maxMessageSize') },
    4: {
      length: [0, 0],
      read: (signal) => {
        signal.isBlockWise = true;
        return true;
      },
    },
  }),
  // Custody promises something that we do not; a Pong without it says so.
  [SignalCode.ping]: createOptionReader<Signal>({ 2: { length: [0, 0], read: isAccepted } }),
  [SignalCode.pong]: createOptionReader<Signal>({ 2: { length: [0, 0], read: isAccepted } }),
  [SignalCode.release]: createOptionReader<Signal>({
    // Alternative-Address is not followed: where the server is, is for its account to say.
    2: { length: [1, 255], isRepeatable: true, read: isAccepted },
    4: { length: [0, 3], read: uintInto('holdOffS') },
  }),
  [SignalCode.abort]: createOptionReader<Signal>({ 2: { length: [0, 2], read: isAccepted } }),
};

export function isKnownSignal(code: number): code is SignalCode {
  return code in READERS;
}

/** @returns the number of the first critical option that is not known (RFC 8323 5.2), or what the options say */
export function readSignal(code: SignalCode, options: readonly Option[]): Signal | number {
  const signal: Signal = { maxMessageSize: undefined, isBlockWise: false, holdOffS: undefined };
  const refused = READERS[code](options, signal);
  return refused === undefined ? signal : refused.number;
}

function signalling(
  code: SignalCode,
  options: readonly OptionToSend[] = [],
  token: Uint8Array = NO_BYTES,
  payload: Uint8Array = NO_BYTES,
): MessageToSend {
  return { code, token, options, payload };
}

/** Capabilities and settings: what we take (RFC 8323 5.3). */
export function csm(maxMessageSize: number): MessageToSend {
  return signalling(SignalCode.csm, [
    { number: 2, value: maxMessageSize },
    { number: 4, value: NO_BYTES },
  ]);
}

export function ping(token: Uint8Array): MessageToSend {
  return signalling(SignalCode.ping, [], token);
}

export function pong({ token }: Message): MessageToSend {
  return signalling(SignalCode.pong, [], token);
}

export const RELEASE: MessageToSend = signalling(SignalCode.release);

/** @param badOption of the peer's CSM (RFC 8323 5.6) */
export function abort(reason: string, badOption?: number): MessageToSend {
  const options = badOption === undefined ? [] : [{ number: 2, value: badOption }];
  return signalling(SignalCode.abort, options, NO_BYTES, Buffer.from(reason));
}

/** For people: what a signalling message is called, with its diagnostic payload. */
export function describe({ code, payload }: Message): string {
  const name = Object.entries(SignalCode).find(([, known]) => known === code)?.[0] ?? formatCode(code);
  const said = Buffer.from(payload.subarray(0, 100))
    .toString()
    .replace(/[^ -~]/g, '.');
  return said === '' ? name : `${name}: ${said}`;
}
