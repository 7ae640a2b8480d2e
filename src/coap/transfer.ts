import { GatewayError } from '../base/index.ts';
import { type AnswerPart, type CoapAnswer, wholeAnswer } from './answer.ts';
import { type Block, blockValue, LARGEST_SZX, offsetOf, sizeOf } from './block.ts';
import { isSuccess } from './code.ts';
import { NO_BYTES, sameBytes } from './message.ts';
import { OptionNumber, type OptionToSend } from './option.ts';

/** Asks with one message: the options and method of the request, and these. */
export type AskBlock = (options: readonly OptionToSend[], payload: Uint8Array) => Promise<AnswerPart>;

/** Times that a transfer is begun anew, when the peer lost track or the representation changed. */
const MOST_RESTARTS = 2;

const broken = (message: string): GatewayError => new GatewayError('coap.protocol', message);

/**
 * Sends a body block by block (RFC 7959 2.5), with smaller blocks if the peer asks for them.
 * @returns the answer to the last block, or the one that ended the transfer early
 * @throws GatewayError `coap.protocol`, and what asking throws
 */
export async function upload(ask: AskBlock, body: Uint8Array, largestSzx: number): Promise<AnswerPart> {
  let szx = largestSzx;
  let from = 0;
  let restarts = 0;
  for (;;) {
    const end = Math.min(from + sizeOf(szx), body.length);
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

/** How the rest of an answer is fetched. */
export interface Download {
  readonly ask: AskBlock;
  /** what every request for a block carries beside its number */
  readonly payload: Uint8Array;
  /** what the request for the first block carries */
  readonly firstOptions: readonly OptionToSend[];
  /** whether asking from the beginning does no harm */
  readonly canRestart: boolean;
  readonly mostBytes: number;
}

/**
 * Completes an answer of which the first block is there (RFC 7959 2.4). All blocks are of one representation; if it
 * changes, the transfer begins anew.
 * @throws GatewayError `coap.protocol`, `coap.too-large`, and what asking throws
 */
export async function download(first: AnswerPart, how: Download): Promise<CoapAnswer> {
  let beginning = first;
  for (let restarts = 0; ; restarts++) {
    const body = await collect(beginning, how);
    if (body !== undefined) return wholeAnswer(beginning, body);
    if (!how.canRestart || restarts >= MOST_RESTARTS)
      throw broken('the representation changes while it is transferred');
    beginning = await how.ask(how.firstOptions, how.payload);
  }
}

/** The whole body; undefined if the blocks turn out to be of different ones. */
async function collect(first: AnswerPart, how: Download): Promise<Uint8Array | undefined> {
  let block = first.block2;
  if (block === undefined) return first.payload;
  checkBlock(first, block, 0, how.mostBytes);
  const chunks = [first.payload];
  let length = first.payload.length;
  while (block.more) {
    const next: Block = { number: length / sizeOf(block.szx), more: false, szx: block.szx };
    const part = await how.ask([{ number: OptionNumber.block2, value: blockValue(next) }], how.payload);
    if (part.block2 === undefined || !isSameBody(first, part)) return undefined;
    block = part.block2;
    checkBlock(part, block, length, how.mostBytes);
    chunks.push(part.payload);
    length += part.payload.length;
  }
  return chunks.length === 1 ? first.payload : Buffer.concat(chunks, length);
}

function checkBlock(part: AnswerPart, block: Block, from: number, mostBytes: number): void {
  const { length } = part.payload;
  const isFilled = block.more ? length === sizeOf(block.szx) : length <= sizeOf(block.szx);
  if (block.szx > LARGEST_SZX || offsetOf(block) !== from || !isFilled)
    throw broken('not the block that was asked for');
  if (Math.max(part.size2 ?? 0, from + length) > mostBytes)
    throw new GatewayError('coap.too-large', `the answer is larger than ${mostBytes} bytes`);
}

function isSameBody(first: AnswerPart, part: AnswerPart): boolean {
  return part.code === first.code && sameBytes(part.etag ?? NO_BYTES, first.etag ?? NO_BYTES);
}
