import { GatewayError } from 'lwm2m-gateway/adapter';
import { asciiFraming } from './ascii.ts';
import { type Framing, findFrame } from './framing.ts';
import { createMbapReader, mbapFrame } from './mbap.ts';
import { rtuFraming } from './rtu.ts';

/** The other side of a medium: how requests are found on it, and how answers are framed. */
export interface Wire {
  readonly carrier: 'tcp' | 'udp' | 'serial';
  readonly framing: Framing | undefined;
  /** @param tag the transaction of the request, where there is one */
  frame(body: Buffer, tag: number): Buffer;
}

const mbapWire = (carrier: Wire['carrier']): Wire => ({
  carrier,
  framing: undefined,
  frame: (body, tag) => mbapFrame(tag, body),
});

const lineWire = (carrier: Wire['carrier'], framing: Framing): Wire => ({
  carrier,
  framing,
  frame: (body) => framing.frame(body),
});

/** By connection type. */
export const WIRES: Readonly<Record<string, Wire>> = {
  'modbus-tcp': mbapWire('tcp'),
  'modbus-udp': mbapWire('udp'),
  'modbus-rtu': lineWire('serial', rtuFraming),
  'modbus-rtu-tcp': lineWire('tcp', rtuFraming),
  'modbus-ascii': lineWire('serial', asciiFraming),
  'modbus-ascii-tcp': lineWire('tcp', asciiFraming),
};

/** @throws GatewayError `modbus.unknown-connection-type` */
export function wireOf(type: string): Wire {
  const wire = WIRES[type];
  if (wire === undefined) throw new GatewayError('modbus.unknown-connection-type', `no such type: ${type}`);
  return wire;
}

/** Cuts what a master sends into requests. */
export interface RequestReader {
  /** @returns false when the stream makes no sense any more */
  push(chunk: Buffer): boolean;
}

/** The longest request: 256 bytes, twice that in ASCII. */
const MOST_BYTES = 600;

/** @param onRequest gets the body (unit, function, data), and its transaction */
export function createRequestReader(
  { framing }: Wire,
  onRequest: (body: Buffer, tag: number) => void,
): RequestReader {
  if (framing === undefined) {
    const reader = createMbapReader((transaction, body) => {
      onRequest(body, transaction);
      return true;
    });
    return { push: (chunk) => reader.push(chunk) === undefined };
  }
  let bytes: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const found = findFrame(framing, bytes, 0, requestLength);
        if (found === undefined) break;
        bytes = bytes.subarray(found.end);
        onRequest(found.body, 0);
      }
      if (bytes.length > MOST_BYTES) bytes = bytes.subarray(-MOST_BYTES);
      return true;
    },
  };
}

/** Where the byte count of a request stands that has one. */
const COUNT_AT: Readonly<Record<number, number>> = { 15: 6, 16: 6, 23: 10 };
/** How long the others are. */
const FIXED: Readonly<Record<number, number>> = { 1: 6, 2: 6, 3: 6, 4: 6, 5: 6, 6: 6, 8: 6, 22: 8 };

export function requestLength(head: Buffer): number | undefined {
  const code = head[1] ?? 0;
  const at = COUNT_AT[code];
  if (at === undefined) return FIXED[code];
  const count = head[at];
  return count === undefined ? undefined : at + 1 + count;
}
