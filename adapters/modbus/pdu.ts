import modbusSerial from 'modbus-serial';
import { crc16 } from './crc16.ts';

/**
 * Requests to bytes and replies to data, done by `modbus-serial`; the only file that knows the package. It is used as a
 * codec alone: under a port that is no more than a variable, one call at a time, without its timers, transactions,
 * ports and connections. A reply is held against its request here, before the package sees it: the package believes
 * the echo of any write, and an exception from any unit.
 */

/** A request without its unit; addresses and counts as on the wire (Modbus Application Protocol 1.1b3 section 6). */
export type Request = ReadRequest | WriteRequest;

export interface ReadRequest {
  readonly function: 1 | 2 | 3 | 4;
  readonly address: number;
  readonly count: number;
}

export type WriteRequest =
  | { readonly function: 5; readonly address: number; readonly state: boolean }
  | { readonly function: 6; readonly address: number; readonly value: number }
  | { readonly function: 15; readonly address: number; readonly states: readonly boolean[] }
  | { readonly function: 16; readonly address: number; readonly registers: readonly number[] };

export function isRead(request: Request): request is ReadRequest {
  return request.function <= 4;
}

export type Reply =
  /** what a read brought, registers or bits; nothing after a write */
  | { readonly status: 'done'; readonly data: Buffer }
  | { readonly status: 'exception'; readonly code: number }
  /** this cannot be the answer to the request */
  | { readonly status: 'malformed'; readonly reason: string };

const NOTHING = Buffer.alloc(0);

/** Checksum that ends a frame in RTU framing, which is what the package speaks. */
export const CRC_BYTES = 2;

const EXCEPTION_FLAG = 0x80;
/** unit, function, code, checksum */
const EXCEPTION_FRAME_BYTES = 3 + CRC_BYTES;
/** unit, function, address, value or count, checksum */
const ECHO_FRAME_BYTES = 6 + CRC_BYTES;
/** unit, function, byte count, checksum */
const EMPTY_DATA_FRAME_BYTES = 3 + CRC_BYTES;

export interface PduCodec {
  /** The request as a frame in RTU framing: unit, function, data, checksum. */
  encode(unit: number, request: Request): Buffer;
  /** The reply in `frame`, in RTU framing with its checksum, to this request. */
  decode(unit: number, request: Request, frame: Buffer): Reply;
}

/** The members of a port that the package uses of its own accord. */
interface MemoryPort {
  readonly isOpen: true;
  _transactionIdRead: number;
  _transactionIdWrite: number;
  open(opened: () => void): void;
  on(event: string, listener: (frame: Buffer) => void): void;
  once(): void;
  removeListener(): void;
  write(frame: Buffer): void;
}

type Answer = { readonly buffer?: Buffer } | undefined;
type Fault = (Error & { modbusCode?: number }) | null;

/** The package is CommonJS and its class the whole module; its types know it as `default` only, which it also is. */
const { default: ModbusRTU } = modbusSerial;
type ModbusRTU = InstanceType<typeof ModbusRTU>;

export function createPduCodec(): PduCodec {
  let written: Buffer = NOTHING;
  let receive: (frame: Buffer) => void = () => {};
  let fault: Fault = null;
  let answer: Answer;
  const hear = (error: Fault, result: Answer): void => {
    fault = error;
    answer = result;
  };
  const port: MemoryPort = {
    isOpen: true,
    _transactionIdRead: 0,
    _transactionIdWrite: 0,
    open: (opened) => opened(),
    on(event, listener) {
      if (event === 'data') receive = listener;
    },
    once() {},
    removeListener() {},
    write(frame) {
      written = frame;
    },
  };
  const modbus = new ModbusRTU(port);
  modbus.open();

  const encode = (unit: number, request: Request): Buffer => {
    callPackage(modbus, unit, request, hear);
    return written;
  };

  return {
    encode,
    decode(unit, request, frame) {
      const reason = mismatch(unit, request, frame);
      if (reason !== undefined) return { status: 'malformed', reason };
      // The package holds one transaction: the one encoded last. This makes it the right one.
      encode(unit, request);
      fault = null;
      answer = undefined;
      receive(frame);
      return replyOf(fault, answer);
    },
  };
}

function callPackage(
  modbus: ModbusRTU,
  unit: number,
  request: Request,
  hear: (error: Fault, result: Answer) => void,
): void {
  const next = hear as (error: unknown, result: unknown) => void;
  const { address } = request;
  switch (request.function) {
    case 1:
      modbus.writeFC1(unit, address, request.count, next);
      break;
    case 2:
      modbus.writeFC2(unit, address, request.count, next);
      break;
    case 3:
      modbus.writeFC3(unit, address, request.count, next);
      break;
    case 4:
      modbus.writeFC4(unit, address, request.count, next);
      break;
    case 5:
      modbus.writeFC5(unit, address, request.state, next);
      break;
    case 6:
      modbus.writeFC6(unit, address, request.value, next);
      break;
    case 15:
      modbus.writeFC15(unit, address, [...request.states], next);
      break;
    case 16:
      modbus.writeFC16(unit, address, [...request.registers], next);
  }
}

function replyOf(fault: Fault, answer: Answer): Reply {
  if (fault?.modbusCode !== undefined) return { status: 'exception', code: fault.modbusCode };
  if (fault !== null || answer === undefined) {
    return { status: 'malformed', reason: fault?.message ?? 'not understood' };
  }
  return { status: 'done', data: answer.buffer ?? NOTHING };
}

/** Why `frame` cannot answer the request; undefined if it can. */
function mismatch(unit: number, request: Request, frame: Buffer): string | undefined {
  if (frame.length < EXCEPTION_FRAME_BYTES) return `a frame of ${frame.length} bytes`;
  if (frame[0] !== unit) return `unit ${frame[0]} answered for unit ${unit}`;
  const got = frame[1];
  if (got === (request.function | EXCEPTION_FLAG)) {
    return frame.length === EXCEPTION_FRAME_BYTES ? undefined : `an exception of ${frame.length} bytes`;
  }
  if (got !== request.function) return `function ${got} answered function ${request.function}`;
  return isRead(request) ? dataMismatch(request, frame) : echoMismatch(request, frame);
}

function dataMismatch(request: ReadRequest, frame: Buffer): string | undefined {
  const bytes = request.function <= 2 ? Math.ceil(request.count / 8) : 2 * request.count;
  if (frame[2] === bytes && frame.length === EMPTY_DATA_FRAME_BYTES + bytes) return undefined;
  return `${frame[2]} bytes announced and ${frame.length - EMPTY_DATA_FRAME_BYTES} sent instead of ${bytes}`;
}

function echoMismatch(request: WriteRequest, frame: Buffer): string | undefined {
  if (frame.length !== ECHO_FRAME_BYTES) return `an acknowledgement of ${frame.length} bytes`;
  if (frame.readUInt16BE(2) !== request.address || frame.readUInt16BE(4) !== echoed(request)) {
    return 'the acknowledgement is of another write';
  }
  return undefined;
}

/** The second word of an acknowledgement: the value of a single write, the count of a multiple one. */
function echoed(request: WriteRequest): number {
  switch (request.function) {
    case 5:
      return request.state ? 0xff00 : 0;
    case 6:
      return request.value;
    case 15:
      return request.states.length;
    case 16:
      return request.registers.length;
  }
}

/** `body` (unit, function, data) with the checksum that RTU framing ends with. */
export function withCrc(body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(body.length + CRC_BYTES);
  body.copy(frame);
  frame.writeUInt16LE(crc16(frame, body.length), body.length);
  return frame;
}
