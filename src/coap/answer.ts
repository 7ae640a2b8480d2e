import { type Block, blockOf } from './block.ts';
import { formatCode } from './code.ts';
import type { Message } from './message.ts';
import { type Option, OptionNumber, readUint, recogniseInResponse } from './option.ts';
import { readText } from './text.ts';

/** The answer to a request of ours, whole. */
export interface CoapAnswer {
  /** `2.05`; peers may use codes that we do not know */
  readonly code: string;
  readonly payload: Uint8Array;
  readonly contentFormat?: number | undefined;
  /** Location-Path, segment by segment; empty if there is none */
  readonly location: readonly string[];
  readonly maxAgeS?: number | undefined;
  readonly options: readonly Option[];
}

/** One message of an answer, with what only blocks and observations need. */
export interface AnswerPart extends CoapAnswer {
  readonly message: Message;
  readonly etag: Uint8Array | undefined;
  readonly observe: number | undefined;
  readonly block1: Block | undefined;
  readonly block2: Block | undefined;
  readonly size2: number | undefined;
}

/** Reads the options of a response. Undefined if it has a critical one that we do not know (RFC 7252 5.4.1). */
export function readAnswer(message: Message): AnswerPart | undefined {
  const found = new Map<number, Uint8Array>();
  const location: string[] = [];
  let previous = -1;
  for (const option of message.options) {
    const { number, value } = option;
    const recognition = recogniseInResponse(option, previous);
    previous = number;
    if (recognition === 'fatal') return undefined;
    if (recognition === 'elective') continue;
    if (number !== OptionNumber.locationPath) {
      found.set(number, value);
      continue;
    }
    const segment = readText(value);
    if (segment === undefined) return undefined;
    location.push(segment);
  }
  const uint = (number: number): number | undefined => {
    const value = found.get(number);
    return value === undefined ? undefined : readUint(value);
  };
  const block = (number: number): Block | undefined => {
    const value = uint(number);
    return value === undefined ? undefined : blockOf(value);
  };
  return {
    code: formatCode(message.code),
    payload: message.payload,
    contentFormat: uint(OptionNumber.contentFormat),
    location,
    maxAgeS: uint(OptionNumber.maxAge),
    options: message.options,
    message,
    etag: found.get(OptionNumber.etag),
    observe: uint(OptionNumber.observe),
    block1: block(OptionNumber.block1),
    block2: block(OptionNumber.block2),
    size2: uint(OptionNumber.size2),
  };
}

/** The whole answer: options of its first message, payload of all. */
export function wholeAnswer(first: AnswerPart, payload: Uint8Array): CoapAnswer {
  const { code, contentFormat, location, maxAgeS, options } = first;
  return { code, payload, contentFormat, location, maxAgeS, options };
}
