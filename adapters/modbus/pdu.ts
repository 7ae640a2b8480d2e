/**
 * Requests to bytes and replies to data (Modbus Application Protocol 1.1b3 section 6), whatever framing is around them.
 * A *body* is what every framing carries: unit, function, data.
 */

/** A request without its unit; addresses and counts as on the wire. */
export type Request = ReadRequest | WriteRequest | EchoRequest;

export interface ReadRequest {
  readonly function: 1 | 2 | 3 | 4;
  readonly address: number;
  readonly count: number;
}

export type WriteRequest =
  | { readonly function: 5; readonly address: number; readonly state: boolean }
  | { readonly function: 6; readonly address: number; readonly value: number }
  | { readonly function: 15; readonly address: number; readonly states: readonly boolean[] }
  | { readonly function: 16; readonly address: number; readonly registers: readonly number[] }
  /** register = (register AND `and`) OR (`or` AND NOT `and`) */
  | { readonly function: 22; readonly address: number; readonly and: number; readonly or: number }
  /** writes registers, and reads the same ones in the same transaction */
  | { readonly function: 23; readonly address: number; readonly registers: readonly number[] };

/** Diagnostics, return query data (section 6.8.1): the device sends `token` back, and does nothing else. */
export interface EchoRequest {
  readonly function: 8;
  readonly token: number;
}

/** The most that one request may read (sections 6.1 to 6.4). */
export const MOST_REGISTERS = 125;
export const MOST_BITS = 2000;
/** The most that one request may write (section 6.12). */
export const MOST_WRITTEN_REGISTERS = 123;

export function isRead(request: Request): request is ReadRequest {
  return request.function <= 4;
}

export function isWrite(request: Request): request is WriteRequest {
  return request.function > 4 && request.function !== 8;
}

export type Reply =
  /** what a read brought, registers or bits; nothing after a write that reads nothing */
  | { readonly status: 'done'; readonly data: Buffer }
  | { readonly status: 'exception'; readonly code: number }
  /** this cannot be the answer to the request */
  | { readonly status: 'malformed'; readonly reason: string };

const NOTHING = Buffer.alloc(0);
export const EXCEPTION_FLAG = 0x80;
/** unit, function, code */
export const EXCEPTION_BYTES = 3;
/** unit, function, two words */
const TWO_WORDS_BYTES = 6;
/** unit, function, byte count */
const DATA_AT = 3;
const COIL_ON = 0xff00;

function body(unit: number, code: number, bytes: number): Buffer {
  const made = Buffer.allocUnsafe(bytes);
  made[0] = unit;
  made[1] = code;
  return made;
}

function twoWords(unit: number, code: number, first: number, second: number): Buffer {
  const made = body(unit, code, TWO_WORDS_BYTES);
  made.writeUInt16BE(first, 2);
  made.writeUInt16BE(second, 4);
  return made;
}

function writeRegisters(into: Buffer, at: number, registers: readonly number[]): Buffer {
  into[at] = 2 * registers.length;
  for (const [index, register] of registers.entries()) into.writeUInt16BE(register, at + 1 + 2 * index);
  return into;
}

/** The request to `unit` as a body. */
export function encodeRequest(unit: number, request: Request): Buffer {
  const code = request.function;
  switch (code) {
    case 5:
      return twoWords(unit, code, request.address, request.state ? COIL_ON : 0);
    case 6:
      return twoWords(unit, code, request.address, request.value);
    case 8:
      return twoWords(unit, code, 0, request.token);
    case 15: {
      const { address, states } = request;
      const bytes = Math.ceil(states.length / 8);
      const made = Buffer.concat([twoWords(unit, code, address, states.length), Buffer.alloc(1 + bytes)]);
      made[TWO_WORDS_BYTES] = bytes;
      for (const [bit, state] of states.entries()) {
        const at = TWO_WORDS_BYTES + 1 + (bit >> 3);
        if (state) made[at] = (made[at] ?? 0) | (1 << (bit & 7));
      }
      return made;
    }
    case 16: {
      const { address, registers } = request;
      const made = body(unit, code, TWO_WORDS_BYTES + 1 + 2 * registers.length);
      made.writeUInt16BE(address, 2);
      made.writeUInt16BE(registers.length, 4);
      return writeRegisters(made, TWO_WORDS_BYTES, registers);
    }
    case 22: {
      const made = body(unit, code, TWO_WORDS_BYTES + 2);
      made.writeUInt16BE(request.address, 2);
      made.writeUInt16BE(request.and, 4);
      made.writeUInt16BE(request.or, 6);
      return made;
    }
    case 23: {
      const { address, registers } = request;
      const made = body(unit, code, TWO_WORDS_BYTES + 5 + 2 * registers.length);
      for (const at of [2, 6]) {
        made.writeUInt16BE(address, at);
        made.writeUInt16BE(registers.length, at + 2);
      }
      return writeRegisters(made, TWO_WORDS_BYTES + 4, registers);
    }
    default:
      return twoWords(unit, code, request.address, request.count);
  }
}

/** Bytes of data that the answer brings. */
function dataBytes(request: Request): number | undefined {
  switch (request.function) {
    case 1:
    case 2:
      return Math.ceil(request.count / 8);
    case 3:
    case 4:
      return 2 * request.count;
    case 23:
      return 2 * request.registers.length;
    default:
      return undefined;
  }
}

/** How long the body of the answer is, unless it is an exception. */
export function replyBytes(request: Request): number {
  const bytes = dataBytes(request);
  if (bytes !== undefined) return DATA_AT + bytes;
  return request.function === 22 ? TWO_WORDS_BYTES + 2 : TWO_WORDS_BYTES;
}

/** What `reply` says to the request; nothing that could be the answer to another one passes. */
export function decodeReply(unit: number, request: Request, reply: Buffer): Reply {
  const reason = mismatch(unit, request, reply);
  if (reason !== undefined) return { status: 'malformed', reason };
  if (reply[1] !== request.function) return { status: 'exception', code: reply[2] ?? 0 };
  return {
    status: 'done',
    data: dataBytes(request) === undefined ? NOTHING : reply.subarray(DATA_AT),
  };
}

/** Why `reply` cannot answer the request; undefined if it can. */
function mismatch(unit: number, request: Request, reply: Buffer): string | undefined {
  if (reply.length < EXCEPTION_BYTES) return `a frame of ${reply.length} bytes`;
  if (reply[0] !== unit) return `unit ${reply[0]} answered for unit ${unit}`;
  const got = reply[1];
  if (got === (request.function | EXCEPTION_FLAG)) {
    return reply.length === EXCEPTION_BYTES ? undefined : `an exception of ${reply.length} bytes`;
  }
  if (got !== request.function) return `function ${got} answered function ${request.function}`;
  const bytes = dataBytes(request);
  if (bytes === undefined) return echoMismatch(unit, request, reply);
  if (reply[2] === bytes && reply.length === DATA_AT + bytes) return undefined;
  return `${reply[2]} bytes announced and ${reply.length - DATA_AT} sent instead of ${bytes}`;
}

/** What acknowledges a write repeats how the request began. */
function echoMismatch(unit: number, request: Request, reply: Buffer): string | undefined {
  const bytes = replyBytes(request);
  if (reply.length !== bytes) return `an acknowledgement of ${reply.length} bytes`;
  return encodeRequest(unit, request).subarray(0, bytes).equals(reply)
    ? undefined
    : 'the acknowledgement is of another request';
}
