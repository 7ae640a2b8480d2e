import { createHash } from 'node:crypto';
import { AgingMap } from './aging-map.ts';
import { type Block, offsetOf, sizeOf } from './block.ts';
import { isSuccess, RESPONSE_CODES } from './code.ts';
import { type MessageToSend, NO_BYTES } from './message.ts';
import { OptionNumber } from './option.ts';
import { type CoapResponse, type IncomingRequest, transferKey } from './request.ts';
import { type Additions, writeResponse } from './response.ts';

/** Cuts large answers into blocks, and keeps them so that the later blocks are of the same body (RFC 7959 2.4). */
export interface Bodies {
  /**
   * The message for `response`: whole if it fits, else the block that `request` asks for, or the first one.
   * @param token of the request that is answered, or of the observation
   */
  write(
    request: IncomingRequest,
    response: CoapResponse,
    token: Uint8Array,
    block: Block | undefined,
    additions?: Additions,
  ): MessageToSend;
  /** The response that a request for a later block belongs to. */
  find(request: IncomingRequest): CoapResponse | undefined;
  readonly size: number;
  rotate(): void;
}

interface Kept {
  readonly response: CoapResponse;
  readonly etag: Uint8Array | undefined;
}

const BEYOND_END: CoapResponse = { code: '4.00' };
const ETAG_LENGTH = 8;

/**
 * @param limit bodies kept; twice as many at most
 * @param ownSzx the largest block size exponent that we send
 */
export function createBodies(limit: number, ownSzx: number): Bodies {
  const bodies = new AgingMap<string, Kept>(limit);

  const keep = (request: IncomingRequest, response: CoapResponse): Kept => {
    const key = transferKey(request);
    const known = bodies.touch(key);
    if (known?.response === response) return known;
    // Later blocks are no occasion to open a relation.
    const { onObserve, ...plain } = response;
    const kept: Kept = { response: plain, etag: tagOf(response) };
    bodies.set(key, kept);
    if (request.payload.length > 0) bodies.set(keyWithPayload(key, request.payload), kept);
    return kept;
  };

  return {
    get size() {
      return bodies.size;
    },
    rotate: () => bodies.rotate(),
    find(request) {
      const key = transferKey(request);
      const { payload } = request;
      return bodies.touch(payload.length === 0 ? key : keyWithPayload(key, payload))?.response;
    },
    write(request, response, token, block, additions) {
      const payload = response.payload ?? NO_BYTES;
      if (block === undefined && payload.length <= sizeOf(ownSzx))
        return writeResponse(response, token, additions);
      const szx = Math.min(block?.szx ?? ownSzx, ownSzx);
      const from = block === undefined ? 0 : offsetOf(block);
      // An error says the same to every block.
      if (from > 0 && from >= payload.length)
        return writeResponse(isSuccess(RESPONSE_CODES[response.code]) ? BEYOND_END : response, token);
      const more = from + sizeOf(szx) < payload.length;
      const etag = payload.length > sizeOf(szx) ? keep(request, response).etag : undefined;
      return writeResponse(
        response,
        token,
        {
          ...additions,
          block2: { number: from / sizeOf(szx), more, szx },
          ...(more && from === 0 && { size2: payload.length }),
          ...(etag !== undefined && { etag }),
        },
        payload.subarray(from, from + sizeOf(szx)),
      );
    },
  };
}

/** Says which representation the blocks are of; undefined if the response does so itself. */
function tagOf({ options, payload = NO_BYTES }: CoapResponse): Uint8Array | undefined {
  if (options?.some(({ number }) => number === OptionNumber.etag)) return undefined;
  return createHash('sha256').update(payload).digest().subarray(0, ETAG_LENGTH);
}

/** Requests with different payloads have different answers, FETCH above all (RFC 8132 2). */
function keyWithPayload(key: string, payload: Uint8Array): string {
  return `${key} ${createHash('sha256').update(payload).digest('base64')}`;
}
