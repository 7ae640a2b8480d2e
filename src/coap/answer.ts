import { type Block, blockInto } from './block.ts';
import { formatCode } from './code.ts';
import type { Message } from './message.ts';
import { bytesInto, createOptionReader, type Option, OptionNumber, uintInto } from './option.ts';
import { addText } from './text.ts';

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
  /** what to repeat, so that the request counts as fresh (RFC 9175 2.2.1) */
  readonly echo: Uint8Array | undefined;
}

/** What the options of a response say. */
interface Fields {
  readonly location: string[];
  contentFormat: number | undefined;
  maxAgeS: number | undefined;
  etag: Uint8Array | undefined;
  observe: number | undefined;
  block1: Block | undefined;
  block2: Block | undefined;
  size2: number | undefined;
  echo: Uint8Array | undefined;
}

/** Options that mean something to us in a response (RFC 7252 5.10). */
const readOptions = createOptionReader<Fields>({
  [OptionNumber.etag]: { length: [1, 8], read: bytesInto('etag') },
  [OptionNumber.observe]: { length: [0, 3], read: uintInto('observe') },
  [OptionNumber.locationPath]: {
    length: [0, 255],
    isRepeatable: true,
    read: ({ location }, value) => addText(location, value),
  },
  [OptionNumber.contentFormat]: { length: [0, 2], read: uintInto('contentFormat') },
  [OptionNumber.maxAge]: { length: [0, 4], read: uintInto('maxAgeS') },
  [OptionNumber.block2]: { length: [0, 3], read: blockInto('block2') },
  [OptionNumber.block1]: { length: [0, 3], read: blockInto('block1') },
  [OptionNumber.size2]: { length: [0, 4], read: uintInto('size2') },
  [OptionNumber.echo]: { length: [1, 40], read: bytesInto('echo') },
});

/** Reads the options of a response. Undefined if it has a critical one that we do not know (RFC 7252 5.4.1). */
export function readAnswer(message: Message): AnswerPart | undefined {
  const fields: Fields = {
    location: [],
    contentFormat: undefined,
    maxAgeS: undefined,
    etag: undefined,
    observe: undefined,
    block1: undefined,
    block2: undefined,
    size2: undefined,
    echo: undefined,
  };
  if (readOptions(message.options, fields) !== undefined) return undefined;
  const { code, payload, options } = message;
  return { ...fields, code: formatCode(code), payload, options, message };
}

/** The whole answer: options of its first message, payload of all. */
export function wholeAnswer(first: AnswerPart, payload: Uint8Array): CoapAnswer {
  const { code, contentFormat, location, maxAgeS, options } = first;
  return { code, payload, contentFormat, location, maxAgeS, options };
}
