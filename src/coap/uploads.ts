import { type Block, blockValue, LARGEST_SZX, offsetOf, sizeOf } from './block.ts';
import { OptionNumber } from './option.ts';
import type { EndpointLimits } from './parameters.ts';
import { type CoapResponse, type IncomingRequest, transferKey } from './request.ts';

/** Puts bodies together that arrive in blocks (RFC 7959 2.5). */
export interface Uploads {
  /**
   * Takes one block.
   * @returns what to answer; or undefined when the body is whole, and then `request` has it
   */
  take(request: IncomingRequest, block: Block): CoapResponse | undefined;
  readonly size: number;
  /** Forgets uploads that no block came for since the last rotation. */
  rotate(): void;
}

/** A body that grows in a buffer that doubles, so that nothing else is kept of its blocks. */
interface Upload {
  readonly peer: string;
  /** of the first block: not every client repeats it */
  readonly observe: 0 | 1 | undefined;
  buffer: Uint8Array;
  length: number;
  isStale: boolean;
}

const FIRST_CAPACITY = 4096;
/** What to answer when there is no room for another upload. */
const NO_ROOM: CoapResponse = { code: '5.03', maxAgeS: 10 };
const BAD_BLOCK: CoapResponse = { code: '4.00' };

/** @param szx the largest block size exponent that we ask for */
export function createUploads(limits: EndpointLimits, szx: number): Uploads {
  /** in the order of their last blocks */
  const uploads = new Map<string, Upload>();

  /** A peer with too many uploads loses the one that rests longest: it may have been abandoned. */
  const makeRoom = (peer: string): void => {
    const own = [...uploads].filter(([, upload]) => upload.peer === peer);
    const [longestAtRest] = own;
    if (longestAtRest !== undefined && own.length >= limits.uploadsPerPeer) uploads.delete(longestAtRest[0]);
  };

  const begin = (key: string, { peer, observe }: IncomingRequest): boolean => {
    uploads.delete(key);
    makeRoom(peer.key);
    if (uploads.size >= limits.uploads) return false;
    const buffer = new Uint8Array(FIRST_CAPACITY);
    uploads.set(key, { peer: peer.key, observe, buffer, length: 0, isStale: false });
    return true;
  };

  const tooLarge = (key: string): CoapResponse => {
    uploads.delete(key);
    return {
      code: '4.13',
      options: [{ number: OptionNumber.size1, value: limits.bodyBytes }],
    };
  };

  const answer = (code: '2.31' | '4.08', block: Block): CoapResponse => {
    const accepted = { ...block, szx: Math.min(block.szx, szx) };
    return { code, options: [{ number: OptionNumber.block1, value: blockValue(accepted) }] };
  };

  return {
    get size() {
      return uploads.size;
    },
    take(request, block) {
      const { payload, size1 = 0 } = request;
      const key = transferKey(request);
      if (!isWellFilled(block, payload.length)) return BAD_BLOCK;
      if (Math.max(size1, offsetOf(block) + payload.length) > limits.bodyBytes) return tooLarge(key);
      if (block.number === 0 && !begin(key, request)) return NO_ROOM;
      const upload = uploads.get(key);
      if (upload === undefined || upload.length !== offsetOf(block)) return answer('4.08', block);
      append(upload, payload);
      uploads.delete(key);
      if (block.more) {
        uploads.set(key, upload);
        return answer('2.31', block);
      }
      request.payload = upload.buffer.subarray(0, upload.length);
      request.observe ??= upload.observe;
      return undefined;
    },
    rotate() {
      for (const [key, upload] of uploads) {
        if (upload.isStale) uploads.delete(key);
        upload.isStale = true;
      }
    },
  };
}

/** All blocks but the last are full; size exponent 7 is reserved (RFC 7959 2.2). */
function isWellFilled(block: Block, length: number): boolean {
  if (block.szx > LARGEST_SZX) return false;
  return block.more ? length === sizeOf(block.szx) : length <= sizeOf(block.szx);
}

function append(upload: Upload, payload: Uint8Array): void {
  const length = upload.length + payload.length;
  if (length > upload.buffer.length) {
    const larger = new Uint8Array(Math.max(length, 2 * upload.buffer.length));
    larger.set(upload.buffer.subarray(0, upload.length));
    upload.buffer = larger;
  }
  upload.buffer.set(payload, upload.length);
  upload.length = length;
  upload.isStale = false;
}
