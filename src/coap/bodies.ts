import { createHash } from 'node:crypto';
import type { Peer } from '../transport/index.ts';
import { type Block, messageSize, offsetOf, sizeOf } from './block.ts';
import { isSuccess, RESPONSE_CODES } from './code.ts';
import type { Link } from './link.ts';
import { type MessageToSend, NO_BYTES } from './message.ts';
import { OptionNumber } from './option.ts';
import type { EndpointLimits } from './parameters.ts';
import { type IsKnown, Quota } from './quota.ts';
import { type CoapResponse, type IncomingRequest, transferKey } from './request.ts';
import { type Additions, writeResponse } from './response.ts';
import type { Counters } from './statistics.ts';

/** Cuts large answers into blocks, and keeps them so that the later blocks are of the same body (RFC 7959 2.4). */
export interface Bodies {
  /**
   * The message for `response`: whole if it fits, else `block`, or the first one.
   * @param asked the request that is answered, or what is left of it in an observation
   * @param token of the request that is answered, or of the observation
   */
  write(
    asked: IncomingRequest | BodyOwner,
    response: CoapResponse,
    token: Uint8Array,
    block: Block | undefined,
    additions?: Additions,
  ): MessageToSend;
  /** The response that a request for a later block belongs to. */
  find(request: IncomingRequest): CoapResponse | undefined;
  readonly size: number;
  /** Forgets what was kept for a peer that will not come back. */
  drop(peer: Peer): void;
  /** Forgets what has not been used since the last rotation. */
  rotate(): void;
}

/** What the later blocks of an answer are found by. Requests have to ask for it only when an answer is large. */
export interface BodyOwner {
  readonly peer: Peer;
  readonly bodyKey: string;
  /** for requests that repeat their payload, which makes another question of a FETCH (RFC 8132 2) */
  readonly payloadKey: string | undefined;
}

export function ownerOf(request: IncomingRequest): BodyOwner {
  const { peer, payload } = request;
  const bodyKey = transferKey(request);
  return {
    peer,
    bodyKey,
    payloadKey: payload.length === 0 ? undefined : keyWithPayload(bodyKey, payload),
  };
}

interface Kept {
  readonly peer: Peer;
  readonly response: CoapResponse;
  readonly etag: Uint8Array | undefined;
  isStale: boolean;
}

const BEYOND_END: CoapResponse = { code: '4.00' };
const ETAG_LENGTH = 8;

export interface BodiesOptions {
  readonly limits: Pick<EndpointLimits, 'keptBodies' | 'keptBodiesPerPeer'>;
  readonly link: Pick<Link, 'room'>;
  readonly isKnown?: IsKnown | undefined;
  readonly counters: Pick<Counters, 'bodiesNotKept'>;
}

export function createBodies({ link, limits, isKnown, counters }: BodiesOptions): Bodies {
  /** those used last come last */
  const bodies = new Map<string, Kept>();
  const quota = new Quota({ all: limits.keptBodies, each: limits.keptBodiesPerPeer, isKnown });

  const remove = (key: string, { peer }: Kept): void => {
    bodies.delete(key);
    quota.give(peer);
  };

  const touch = (key: string): Kept | undefined => {
    const kept = bodies.get(key);
    if (kept === undefined) return undefined;
    kept.isStale = false;
    bodies.delete(key);
    bodies.set(key, kept);
    return kept;
  };

  /** Of a peer with too many, the one that was not asked for longest gives way. */
  const removeOldest = (peer: Peer): void => {
    for (const [key, kept] of bodies) {
      if (kept.peer.key !== peer.key) continue;
      remove(key, kept);
      return;
    }
  };

  const set = (key: string, kept: Kept): void => {
    const before = bodies.get(key);
    if (before !== undefined) remove(key, before);
    if (quota.isSpent(kept.peer)) removeOldest(kept.peer);
    if (quota.isFull(kept.peer)) {
      counters.bodiesNotKept++;
      return;
    }
    bodies.set(key, kept);
    quota.take(kept.peer);
  };

  const keep = (asked: IncomingRequest | BodyOwner, response: CoapResponse): Kept => {
    const { peer, bodyKey, payloadKey } = 'bodyKey' in asked ? asked : ownerOf(asked);
    const known = touch(bodyKey);
    if (known?.response === response) return known;
    // Later blocks are no occasion to open a relation.
    const { onObserve, ...plain } = response;
    const kept: Kept = { peer, response: plain, etag: tagOf(response), isStale: false };
    set(bodyKey, kept);
    if (payloadKey !== undefined) set(payloadKey, { ...kept });
    return kept;
  };

  return {
    get size() {
      return bodies.size;
    },
    rotate() {
      for (const [key, kept] of bodies) {
        if (kept.isStale) remove(key, kept);
        kept.isStale = true;
      }
    },
    drop(peer) {
      for (const [key, kept] of bodies) if (kept.peer.key === peer.key) remove(key, kept);
    },
    find(request) {
      const { bodyKey, payloadKey } = ownerOf(request);
      return touch(payloadKey ?? bodyKey)?.response;
    },
    write(asked, response, token, block, additions) {
      const payload = response.payload ?? NO_BYTES;
      const whole = writeResponse(response, token, additions);
      const room = link.room(asked.peer, whole.options);
      if (block === undefined && payload.length <= room.whole) return whole;
      const szx = Math.min(block?.szx ?? room.szx, room.szx);
      const size = messageSize(szx, room);
      const from = block === undefined ? 0 : offsetOf(block);
      // An error says the same to every block.
      if (from > 0 && from >= payload.length)
        return writeResponse(isSuccess(RESPONSE_CODES[response.code]) ? BEYOND_END : response, token);
      const more = from + size < payload.length;
      const etag = payload.length > size ? keep(asked, response).etag : undefined;
      return writeResponse(
        response,
        token,
        {
          ...additions,
          block2: { number: from / sizeOf(szx), more, szx },
          size2: more && from === 0 ? payload.length : undefined,
          etag,
        },
        payload.subarray(from, from + size),
      );
    },
  };
}

/** Says which representation the blocks are of; undefined if the response does so itself. */
function tagOf({ options, payload = NO_BYTES }: CoapResponse): Uint8Array | undefined {
  if (options?.some(({ number }) => number === OptionNumber.etag)) return undefined;
  return createHash('sha256').update(payload).digest().subarray(0, ETAG_LENGTH);
}

function keyWithPayload(key: string, payload: Uint8Array): string {
  return `${key} ${createHash('sha256').update(payload).digest('base64')}`;
}
