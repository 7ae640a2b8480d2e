import { GatewayError } from '../base/index.ts';
import { type AnswerPart, type CoapAnswer, wholeAnswer } from './answer.ts';
import type { Asker } from './asker.ts';
import { type Block, blockValue, isFilled, messageSize, offsetOf, sizeOf } from './block.ts';
import { isSuccess } from './code.ts';
import type { Room } from './link.ts';
import { NO_BYTES, sameBytes } from './message.ts';
import { OptionNumber, type OptionToSend } from './option.ts';

/** Times that a transfer is begun anew, when the peer lost track or the representation changed. */
const MOST_RESTARTS = 2;

/** Block numbers have 20 bits (RFC 7959 2.2). */
const MOST_BLOCKS = 2 ** 20;

const broken = (message: string): GatewayError => new GatewayError('coap.protocol', message);

/**
 * Sends a body block by block (RFC 7959 2.5), with smaller blocks if the peer asks for them.
 * @returns the answer to the last block, or the one that ended the transfer early
 * @throws GatewayError `coap.protocol`, `coap.bad-request` for a body of too many blocks, and what asking throws
 */
export async function upload({ ask }: Pick<Asker, 'ask'>, body: Uint8Array, room: Room): Promise<AnswerPart> {
  let { szx } = room;
  let from = 0;
  let restarts = 0;
  for (;;) {
    if (body.length > MOST_BLOCKS * sizeOf(szx))
      throw new GatewayError(
        'coap.bad-request',
        `too many blocks of ${sizeOf(szx)} bytes: ${body.length} bytes`,
      );
    const end = Math.min(from + messageSize(szx, room), body.length);
    const block: Block = { number: from / sizeOf(szx), more: end < body.length, szx };
    const answer = await ask(uploadOptions(block, body.length), body.subarray(from, end));
    const { code, block1: accepted } = answer;
    if (code === '2.31') {
      if (!block.more || accepted?.number !== block.number) throw broken('2.31 to no block of ours');
      szx = Math.min(szx, accepted.szx);
      from = end;
    } else if (code === '4.13' && from === 0 && accepted !== undefined && accepted.szx < szx) {
      szx = accepted.szx;
    } else if (code === '4.08' && restarts < MOST_RESTARTS) {
      restarts++;
      from = 0;
    } else if (block.more && isSuccess(answer.message.code)) {
      throw broken(`${code} before the last block`);
    } else {
      return answer;
    }
  }
}

function uploadOptions(block: Block, size: number): OptionToSend[] {
  const options: OptionToSend[] = [{ number: OptionNumber.block1, value: blockValue(block) }];
  if (block.number === 0) options.push({ number: OptionNumber.size1, value: size });
  return options;
}

/** Where a chunk belongs, and what it is a part of. */
export interface ChunkPlace {
  /** in the body, in bytes */
  readonly offset: number;
  /** of the representation, if its server says which one it is */
  readonly etag: Uint8Array | undefined;
  /** bytes of the whole body, if its server says so (Size2, RFC 7959 4) */
  readonly size: number | undefined;
  readonly contentFormat: number | undefined;
}

/** Takes the next bytes of a body; more are asked for when it has settled. What it throws ends the transfer. */
export type TakeChunk = (chunk: Uint8Array, place: ChunkPlace) => void | Promise<void>;

/** How the rest of an answer is fetched. */
export interface Download {
  readonly asker: Pick<Asker, 'ask' | 'allow' | 'wait'>;
  /** what every request for a block carries beside its number */
  readonly payload: Uint8Array;
  /** what the request for the first block carries */
  readonly firstOptions: readonly OptionToSend[];
  /** whether asking again does no harm */
  readonly isRepeatable: boolean;
  readonly mostBytes: number;
  /** the largest size exponent that means something on this carrier */
  readonly largestSzx: number;
}

/** The blocks are not of one representation, or the peer does not have it any more. */
const LOST = 'lost';
const WHOLE = 'whole';

/**
 * Completes an answer of which the first block is there (RFC 7959 2.4). All blocks are of one representation; if it
 * changes, the transfer begins anew. A later block that is an error is the answer.
 * @throws GatewayError `coap.protocol`, `coap.too-large`, `coap.incomplete`, and what asking throws
 */
export async function download(first: AnswerPart, how: Download): Promise<CoapAnswer> {
  if (first.block2 === undefined) return wholeAnswer(first, first.payload);
  let beginning = first;
  for (let restarts = 0; ; restarts++) {
    const chunks: Uint8Array[] = [];
    const end = await follow(beginning, 0, how, (chunk) => void chunks.push(chunk));
    if (end === WHOLE)
      return wholeAnswer(beginning, chunks.length === 1 ? beginning.payload : Buffer.concat(chunks));
    // What was done is done, whatever is said of the rest of its answer.
    if (!how.isRepeatable) throw incomplete(first, end);
    if (end !== LOST) return wholeAnswer(end, end.payload);
    if (restarts >= MOST_RESTARTS) throw incomplete(first, end);
    beginning = await how.asker.ask(how.firstOptions, how.payload);
  }
}

/**
 * Passes on an answer as it comes, from the part that begins at `from`. It cannot begin anew: what is taken is taken.
 * @returns the answer without payload; or the error that a later block is, with its payload
 * @throws GatewayError as `download`, and what taking throws
 */
export async function passOn(
  first: AnswerPart,
  from: number,
  how: Download,
  take: TakeChunk,
): Promise<CoapAnswer> {
  const end = await follow(first, from, how, take);
  if (end === LOST) throw incomplete(first, end);
  return end === WHOLE ? wholeAnswer(first, NO_BYTES) : wholeAnswer(end, end.payload);
}

export function incomplete({ code }: AnswerPart, end: AnswerPart | typeof LOST): GatewayError {
  const why = end === LOST ? 'it is another state by now, or not kept' : `the answer is ${end.code}`;
  return new GatewayError('coap.incomplete', `the rest of a ${code} cannot be had: ${why}`);
}

/** Takes the payload of the first part and of all that follow it. */
async function follow(
  first: AnswerPart,
  from: number,
  how: Download,
  take: TakeChunk,
): Promise<typeof WHOLE | typeof LOST | AnswerPart> {
  const { asker, payload, mostBytes } = how;
  const { etag, size2: size, contentFormat } = first;
  let part = first;
  let block = checked(first, from, how);
  if (block?.more === true) asker.allow((size ?? mostBytes) - from);
  for (let offset = from; ; ) {
    const taken = take(part.payload, { offset, etag, size, contentFormat });
    if (taken !== undefined) await asker.wait(taken);
    if (block === undefined || !block.more) return WHOLE;
    offset += part.payload.length;
    const next: Block = { number: offset / sizeOf(block.szx), more: false, szx: block.szx };
    part = await asker.ask([{ number: OptionNumber.block2, value: blockValue(next) }], payload);
    if (!isSuccess(part.message.code) && part.code !== first.code) return part.code === '4.08' ? LOST : part;
    if (part.block2 === undefined || !isSameBody(first, part)) return LOST;
    block = checked(part, offset, how);
  }
}

/** The block of a part, which must be the one that begins at `from`; none if the part is the whole body. */
function checked(
  part: AnswerPart,
  from: number,
  { mostBytes, largestSzx }: Pick<Download, 'mostBytes' | 'largestSzx'>,
): Block | undefined {
  const { block2, size2, payload } = part;
  if (block2 === undefined) return undefined;
  const { length } = payload;
  if (block2.szx > largestSzx || offsetOf(block2) !== from || !isFilled(block2, length))
    throw broken('not the block that was asked for');
  if (Math.max(size2 ?? 0, from + length) > mostBytes)
    throw new GatewayError('coap.too-large', `the answer is larger than ${mostBytes} bytes`);
  return block2;
}

function isSameBody(first: AnswerPart, part: AnswerPart): boolean {
  return part.code === first.code && sameBytes(part.etag ?? NO_BYTES, first.etag ?? NO_BYTES);
}
