import type { Cancel, Clock, Timers } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import { type Block, isFilled, LARGEST_SZX, offsetOf } from './block.ts';
import type { CallOut } from './callback.ts';
import { isSafe } from './code.ts';
import { sameBytes } from './message.ts';
import { OptionNumber } from './option.ts';
import type { EndpointLimits } from './parameters.ts';
import { type IsKnown, Quota } from './quota.ts';
import { type CoapResponse, type IncomingRequest, transferKey } from './request.ts';
import { type BodyLoss, type BodySink, Collector, type OpenBody } from './sink.ts';
import type { Counters } from './statistics.ts';

/** Puts bodies together that arrive in blocks (RFC 7959 2.5), or passes them on to who takes them so. */
export interface Uploads {
  /**
   * Takes the body of a request, or one block of it.
   * @returns what to answer, or undefined: then `request` has the whole body and is for the handler
   */
  take(request: IncomingRequest): Taken;
  readonly size: number;
  /** Ends the uploads of one peer that is gone, or of all, as `closed`. */
  drop(peer?: Peer): void;
}

export type Taken = CoapResponse | Promise<CoapResponse> | undefined;

export interface UploadsOptions {
  readonly limits: EndpointLimits;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly timers: Timers;
  /** the longest wait for the next block */
  readonly idleMs: number;
  /** the largest size exponent that means something on this carrier */
  readonly largestSzx: number;
  readonly openBody?: OpenBody | undefined;
  readonly isKnown?: IsKnown | undefined;
  readonly callOut: CallOut;
  readonly counters: Pick<Counters, 'uploadsRefused'>;
}

type Body = Collector | BodySink;

interface Upload {
  readonly key: string;
  readonly body: Body;
  /** the first block: not every client repeats all that it says */
  readonly first: Pick<IncomingRequest, 'peer' | 'observe' | 'size1' | 'token'>;
  /** token of the transfer that this one has replaced before that was whole */
  readonly rival: Uint8Array | undefined;
  /** when it must be whole, monotonic */
  readonly until: number;
  length: number;
  isWriting: boolean;
  stopTimer: Cancel;
}

const NO_ROOM: CoapResponse = { code: '5.03', maxAgeS: 10 };
const BAD_BLOCK: CoapResponse = { code: '4.00' };
const CONTINUE: CoapResponse = { code: '2.31' };
const INCOMPLETE: CoapResponse = { code: '4.08' };
/** A body that comes in one message is a block that nothing follows. */
const WHOLE: Block = { number: 0, more: false, szx: LARGEST_SZX };

export function createUploads(options: UploadsOptions): Uploads {
  const { limits, clock, timers, idleMs, largestSzx, openBody, isKnown, callOut, counters } = options;
  /** in the order of their last blocks */
  const uploads = new Map<string, Upload>();
  const quota = new Quota({ all: limits.uploads, each: limits.uploadsPerPeer, isKnown });

  const remove = (upload: Upload): void => {
    upload.stopTimer();
    uploads.delete(upload.key);
    quota.give(upload.first.peer);
  };

  const lose = (upload: Upload, why: BodyLoss): void => {
    remove(upload);
    callOut(() => upload.body.abort(why));
  };

  const wait = (upload: Upload, ms: number): void => {
    upload.stopTimer();
    const remainingMs = upload.until - clock.monotonic();
    upload.stopTimer = timers.after(Math.min(ms, remainingMs), () => lose(upload, 'timeout'));
  };

  const ofPeer = (peer: Peer): Upload[] =>
    [...uploads.values()].filter(({ first }) => first.peer.key === peer.key);

  /** A peer with too many uploads loses the one that rests longest: it may have been abandoned. */
  const makeRoom = (peer: Peer): boolean => {
    if (quota.isSpent(peer)) {
      const [longestAtRest] = ofPeer(peer);
      if (longestAtRest !== undefined) lose(longestAtRest, 'replaced');
    }
    return !quota.isFull(peer);
  };

  /** Whether somebody may want to take the body as it comes. */
  const isOffered = ({ message, payload, block1 }: IncomingRequest): boolean =>
    openBody !== undefined && !isSafe(message.code) && (block1 !== undefined || payload.length > 0);

  const bodyOf = (request: IncomingRequest): Body | CoapResponse | undefined => {
    const opened = isOffered(request) ? openBody?.({ ...request, size: request.size1 }) : undefined;
    return opened ?? (request.block1 === undefined ? undefined : new Collector());
  };

  /** @returns the upload that begins with this request; or what to answer instead */
  const begin = (key: string, request: IncomingRequest): Upload | Taken => {
    const replaced = uploads.get(key);
    if (replaced !== undefined) lose(replaced, 'replaced');
    const body = bodyOf(request);
    if (body === undefined || 'code' in body) return body;
    if (!makeRoom(request.peer)) {
      counters.uploadsRefused++;
      callOut(() => body.abort('failed'));
      return NO_ROOM;
    }
    const { peer, observe, size1, token } = request;
    const upload: Upload = {
      key,
      body,
      // The token by itself: a part of the datagram would keep all of it.
      first: { peer, observe, size1, token: new Uint8Array(token) },
      rival: replaced?.first.token,
      until: clock.monotonic() + limits.uploadMs,
      length: 0,
      isWriting: false,
      stopTimer: () => {},
    };
    uploads.set(key, upload);
    quota.take(peer);
    return upload;
  };

  /** @returns what speaks against the block */
  const objection = (upload: Upload, block: Block, { token, payload, size1 }: IncomingRequest) => {
    const { first, rival, length, body } = upload;
    if (isOfAnother(upload, token, size1)) return INCOMPLETE;
    if (upload.isWriting || offsetOf(block) !== length) {
      // Of two transfers that nothing tells apart, neither can be trusted after a block out of order.
      if (rival !== undefined && !upload.isWriting) lose(upload, 'replaced');
      return INCOMPLETE;
    }
    const mostBytes = 'mostBytes' in body ? (body.mostBytes ?? limits.bodyBytes) : limits.bodyBytes;
    const end = length + payload.length;
    if (Math.max(first.size1 ?? 0, end) > mostBytes) {
      lose(upload, 'too-large');
      return tooLarge(mostBytes);
    }
    if (!block.more && rival !== undefined && first.size1 !== undefined && first.size1 !== end) {
      lose(upload, 'replaced');
      return INCOMPLETE;
    }
    return undefined;
  };

  /** What follows when the body has taken the block. */
  const goOn = (
    upload: Upload,
    refusal: CoapResponse | undefined,
    request: IncomingRequest,
    more: boolean,
  ): Taken => {
    if (uploads.get(upload.key) !== upload) return INCOMPLETE;
    upload.isWriting = false;
    if (refusal !== undefined) {
      lose(upload, 'failed');
      return refusal;
    }
    if (more) {
      wait(upload, idleMs);
      uploads.delete(upload.key);
      uploads.set(upload.key, upload);
      return CONTINUE;
    }
    remove(upload);
    if (!(upload.body instanceof Collector)) return upload.body.end();
    request.payload = upload.body.bytes;
    request.observe ??= upload.first.observe;
    return undefined;
  };

  const write = (upload: Upload, request: IncomingRequest, more: boolean): Taken => {
    const { body } = upload;
    const { payload } = request;
    const failed = (error: unknown): never => {
      if (uploads.get(upload.key) === upload) lose(upload, 'failed');
      throw error;
    };
    upload.length += payload.length;
    try {
      const writing = payload.length === 0 ? undefined : body.write(payload);
      if (!isPromise(writing)) return goOn(upload, writing ?? undefined, request, more);
      upload.isWriting = true;
      wait(upload, limits.handlerMs);
      return writing.then(
        (refusal) => goOn(upload, refusal ?? undefined, request, more) ?? INCOMPLETE,
        failed,
      );
    } catch (error) {
      return failed(error);
    }
  };

  return {
    get size() {
      return uploads.size;
    },
    take(request) {
      const { block1, payload } = request;
      if (block1 === undefined && !isOffered(request)) return undefined;
      if (block1 !== undefined && (block1.szx > largestSzx || !isFilled(block1, payload.length)))
        return BAD_BLOCK;
      const block = block1 ?? WHOLE;
      const key = transferKey(request);
      const upload = block.number === 0 ? begin(key, request) : (uploads.get(key) ?? INCOMPLETE);
      if (upload === undefined || !('body' in upload)) return upload;
      return objection(upload, block, request) ?? write(upload, request, block.more);
    },
    drop(peer) {
      for (const upload of peer === undefined ? [...uploads.values()] : ofPeer(peer)) lose(upload, 'closed');
    },
  };
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

function tooLarge(mostBytes: number): CoapResponse {
  return { code: '4.13', options: [{ number: OptionNumber.size1, value: mostBytes }] };
}

/**
 * Without Request-Tag (RFC 9175 3) two transfers of one peer to one place look the same, and the later one replaces the
 * earlier (RFC 7959 2.5). What tells them apart all the same: another size, or the token of the one that was replaced.
 */
function isOfAnother({ first, rival }: Upload, token: Uint8Array, size1: number | undefined): boolean {
  if (size1 !== undefined && first.size1 !== undefined && size1 !== first.size1) return true;
  return rival !== undefined && sameBytes(token, rival) && !sameBytes(token, first.token);
}
