import { GatewayError } from '../base/index.ts';
import { type RecordPlace, writeNumber } from './additional-data.ts';
import { createAead } from './aead.ts';
import { createCbc } from './cbc.ts';
import { eraseDirection, type TrafficKeys } from './keys.ts';
import { CONTENT, MAX_CONTENT, MAX_EXPANSION, VERSION_1_2 } from './numbers.ts';
import type { Protection, ProtectionOptions } from './protection.ts';
import { createReplayWindow, type ReplayState } from './replay.ts';
import type { Suite } from './suites.ts';

/** A record as it came, not yet believed. Its bytes are views of the datagram. */
export interface RawRecord {
  readonly type: number;
  readonly version: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly cid: Buffer;
  readonly body: Buffer;
  /** bytes of the datagram up to its end */
  readonly end: number;
}

/** The content of a record: authentic in epoch 1, anybody's in epoch 0. */
export interface Content {
  readonly type: number;
  readonly epoch: number;
  readonly bytes: Buffer;
}

/** Records that were dropped, by cause. */
export interface RecordCounters {
  readonly malformed: number;
  readonly forged: number;
  readonly replayed: number;
}

/** What protects the records of epoch 1, and what numbers they have; all that is needed to go on elsewhere. */
export interface RecordState {
  readonly suite: Suite;
  readonly keys: TrafficKeys;
  readonly isEncryptThenMac: boolean;
  /** by which the server wants to be addressed; empty: not at all */
  readonly peerCid: Buffer;
  /** by which we are addressed; empty: not at all */
  readonly ownCid: Buffer;
  /** the next to be sent in epoch 1 */
  readonly nextSequence: number;
  readonly replay: ReplayState;
  /** records that were not authentic, which the key bears only so many of */
  readonly forgeries: number;
}

type Progress = 'nextSequence' | 'replay' | 'forgeries';

/** What protects epoch 1, and what has happened there if it does not begin. */
export type ProtectionState = Omit<RecordState, Progress> & Partial<Pick<RecordState, Progress>>;

/** The record layer of a client (RFC 6347 4.1, RFC 9146): epoch 0 in the clear, epoch 1 protected. */
export interface RecordLayer {
  readonly counters: RecordCounters;
  /** There are keys for epoch 1. */
  readonly isProtected: boolean;
  /** The most bytes of content in a record of epoch 1. */
  readonly mostContent: number;
  /** The most bytes that a record of this epoch is longer than its content. */
  overhead(epoch: Epoch): number;
  protect(state: ProtectionState): void;
  /**
   * A record of its own bytes.
   * @throws GatewayError `dtls.exhausted` when as many were sealed as the cipher bears, `dtls.closed` without keys
   */
  write(type: number, epoch: Epoch, content: Uint8Array): Buffer;
  /**
   * What an authentic, new record contains; any other is counted and dropped (RFC 6347 4.1.2.7).
   * @throws GatewayError `dtls.exhausted` when as many were forged as the cipher bears
   */
  read(record: RawRecord): Content | undefined;
  /** For {@link protect} of another layer; this one must not send any more. Shares the keys. */
  readonly state: RecordState | undefined;
  /** Overwrites the keys. */
  erase(): void;
}

export type Epoch = 0 | 1;

const HEADER = 13;
const NO_CID = Buffer.alloc(0);

/**
 * The record that begins at `at`; undefined when there is none, or a malformed one, which ends the datagram.
 * @param cidLength of our own connection id
 */
export function recordAt(datagram: Buffer, at: number, cidLength: number): RawRecord | undefined {
  if (datagram.length - at < HEADER) return undefined;
  const type = datagram.readUInt8(at);
  const ownCidLength = type === CONTENT.cid ? cidLength : 0;
  const start = at + HEADER + ownCidLength;
  if (start > datagram.length) return undefined;
  const end = start + datagram.readUInt16BE(start - 2);
  if (end > datagram.length) return undefined;
  return {
    type,
    version: datagram.readUInt16BE(at + 1),
    epoch: datagram.readUInt16BE(at + 3),
    sequence: datagram.readUIntBE(at + 5, 6),
    cid: ownCidLength === 0 ? NO_CID : datagram.subarray(at + 11, at + 11 + ownCidLength),
    body: datagram.subarray(start, end),
    end,
  };
}

interface Directions {
  readonly state: ProtectionState;
  readonly outbound: Protection;
  readonly inbound: Protection;
}

/** What protects one direction under a cipher. */
export const createProtection = (options: ProtectionOptions): Protection =>
  options.cipher.isAead ? createAead(options) : createCbc(options);

export function createRecordLayer(): RecordLayer {
  const counters = { malformed: 0, forged: 0, replayed: 0 };
  const sequences: [number, number] = [0, 0];
  let replay = createReplayWindow();
  let directions: Directions | undefined;

  /** Content and its real type, which a record with a CID hides at its end, before any padding (RFC 9146 4). */
  const unwrap = (bytes: Buffer): Content | undefined => {
    let end = bytes.length - 1;
    while (end >= 0 && bytes[end] === 0) end--;
    const type = bytes[end];
    return type === undefined ? undefined : { type, epoch: 1, bytes: bytes.subarray(0, end) };
  };

  /** Whether the header is that of a record which the server would send us now. */
  const isExpected = ({ type, version, epoch, cid, body }: RawRecord): boolean => {
    if (epoch === 0)
      return type !== CONTENT.cid && version >> 8 === VERSION_1_2 >> 8 && body.length <= MAX_CONTENT;
    if (epoch !== 1 || version !== VERSION_1_2 || body.length > MAX_CONTENT + MAX_EXPANSION) return false;
    if (directions === undefined) return false;
    // Once agreed on, a connection id stands in every protected record (RFC 9146 3).
    const { ownCid } = directions.state;
    return (type === CONTENT.cid) === ownCid.length > 0 && cid.equals(ownCid);
  };

  const open = (record: RawRecord, { state, inbound }: Directions): Content | undefined => {
    if (!replay.isFresh(record.sequence)) {
      counters.replayed++;
      return undefined;
    }
    const bytes = inbound.open(record, record.body);
    if (bytes === undefined) {
      counters.forged++;
      if (counters.forged > state.suite.cipher.mostForgeries) throw exhausted('too many forged records');
      return undefined;
    }
    replay.mark(record.sequence);
    const content = record.type === CONTENT.cid ? unwrap(bytes) : { type: record.type, epoch: 1, bytes };
    // With a connection id, type and padding count as well (RFC 9146 5).
    if (content !== undefined && bytes.length <= MAX_CONTENT) return content;
    counters.malformed++;
    return undefined;
  };

  /** @param bodyLength the most that the body can take */
  const frame = (
    outerType: number,
    epoch: Epoch,
    cid: Buffer,
    bodyLength: number,
    fill: (place: RecordPlace, target: Buffer, at: number) => number,
  ): Buffer => {
    const place = { type: outerType, epoch, sequence: sequences[epoch]++ };
    const start = HEADER + cid.length;
    const record = Buffer.allocUnsafe(start + bodyLength);
    record.writeUInt8(outerType, 0);
    record.writeUInt16BE(VERSION_1_2, 1);
    writeNumber(record, place, 3);
    record.set(cid, 11);
    const length = fill(place, record, start);
    record.writeUInt16BE(length, start - 2);
    return record.subarray(0, start + length);
  };

  return {
    counters,
    get isProtected() {
      return directions !== undefined;
    },
    get mostContent() {
      return (directions?.state.peerCid.length ?? 0) > 0 ? MAX_CONTENT - 1 : MAX_CONTENT;
    },
    overhead(epoch) {
      if (epoch === 0 || directions === undefined) return HEADER;
      const { peerCid } = directions.state;
      return HEADER + directions.outbound.expansion + (peerCid.length > 0 ? peerCid.length + 1 : 0);
    },
    protect(state) {
      const { suite, keys, isEncryptThenMac, peerCid, ownCid } = state;
      const { cipher } = suite;
      directions = {
        state,
        outbound: createProtection({ cipher, keys: keys.client, cid: peerCid, isEncryptThenMac }),
        inbound: createProtection({ cipher, keys: keys.server, cid: ownCid, isEncryptThenMac }),
      };
      sequences[1] = state.nextSequence ?? 0;
      counters.forged = state.forgeries ?? 0;
      replay = createReplayWindow(state.replay);
    },
    write(type, epoch, content) {
      if (epoch === 0)
        return frame(type, 0, NO_CID, content.length, (_place, target, at) => {
          target.set(content, at);
          return content.length;
        });
      // Never in the clear what was meant to be protected.
      if (directions === undefined) throw new GatewayError('dtls.closed', 'there are no keys');
      const { outbound, state } = directions;
      if (sequences[1] >= state.suite.cipher.mostRecords) throw exhausted('too many records with one key');
      const hidden = state.peerCid.length > 0;
      const inner = hidden ? Buffer.concat([content, Buffer.of(type)]) : content;
      const outerType = hidden ? CONTENT.cid : type;
      return frame(outerType, 1, state.peerCid, inner.length + outbound.expansion, (place, target, at) =>
        outbound.seal(place, inner, target, at),
      );
    },
    read(record) {
      if (!isExpected(record)) {
        counters.malformed++;
        return undefined;
      }
      if (record.epoch === 1 && directions !== undefined) return open(record, directions);
      // No replay check: message_seq orders handshake messages, and some servers number records anew after
      // HelloVerifyRequest.
      return { type: record.type, epoch: 0, bytes: record.body };
    },
    get state() {
      const progress = { nextSequence: sequences[1], replay: replay.state, forgeries: counters.forged };
      return directions && { ...directions.state, ...progress };
    },
    erase() {
      if (directions === undefined) return;
      eraseDirection(directions.state.keys.client);
      eraseDirection(directions.state.keys.server);
      directions = undefined;
    },
  };
}

function exhausted(message: string): GatewayError {
  return new GatewayError('dtls.exhausted', message);
}
