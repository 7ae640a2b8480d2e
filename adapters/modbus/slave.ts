import { type FieldValue, GatewayError, type PointId } from 'lwm2m-gateway/adapter';
import { ADDRESSES, TABLES, type Table } from './address.ts';
import type { CompiledDevice, Field } from './field.ts';
import { MOST_BITS, MOST_WRITTEN_REGISTERS } from './pdu.ts';
import { scaled, unscaled } from './scale.ts';

/** The other side of the protocol: a device made of tables, which answers PDUs. No I/O. */
export interface Slave {
  /** @throws GatewayError `adapter.unknown-point`, `adapter.no-value` */
  get(point: PointId): FieldValue;
  /** @throws GatewayError `adapter.unknown-point`, `adapter.unfit-value` */
  set(point: PointId, value: FieldValue): void;
  /** The answer to a request, without unit. */
  answer(pdu: Buffer): Buffer;
}

const EXCEPTION = { function: 1, address: 2, value: 3 } as const;
type Exception = (typeof EXCEPTION)[keyof typeof EXCEPTION];

const MOST_WRITTEN_BITS = 1968;
const COIL = { on: 0xff00, off: 0 };

type FunctionRule = (pdu: Buffer) => Buffer | Exception;

/**
 * A device whose tables hold the values of its points and zeros elsewhere. It refuses what its profile calls unreadable
 * and beyond its limits, and writes only to points that may be written.
 * @param onWrite hears every point that a request wrote
 */
export function createSlave(
  device: CompiledDevice,
  onWrite: (field: Field, value: FieldValue) => void,
): Slave {
  const tables: Readonly<Record<Table, Map<number, number>>> = {
    coil: new Map(),
    discrete: new Map(),
    holding: new Map(),
    input: new Map(),
  };
  for (const { table, address, data } of device.image) {
    for (let at = 0; at < data.length; at += 2) tables[table].set(address + at / 2, data.readUInt16BE(at));
  }

  const functions: Readonly<Record<number, FunctionRule>> = {
    1: (pdu) => readBits('coil', pdu),
    2: (pdu) => readBits('discrete', pdu),
    3: (pdu) => readRegisters('holding', pdu),
    4: (pdu) => readRegisters('input', pdu),
    5: writeCoil,
    6: writeRegister,
    8: echo,
    15: writeCoils,
    16: writeRegisters,
    22: maskRegister,
    23: writeAndRead,
  };

  function fieldOf(point: PointId): Field {
    const field = device.fields.get(point);
    if (field === undefined) throw new GatewayError('adapter.unknown-point', `no point ${point}`);
    return field;
  }

  /** The addresses of a request to read, or why it is refused. */
  function readRange(
    table: Table,
    pdu: Buffer,
    most: number,
  ): { address: number; count: number } | Exception {
    if (pdu.length !== 5) return EXCEPTION.value;
    const address = pdu.readUInt16BE(1);
    const count = pdu.readUInt16BE(3);
    if (count < 1 || count > most) return EXCEPTION.value;
    const end = address + count;
    const isRefused = device.rules.unreadable[table].some(([from, to]) => from < end && to >= address);
    return isRefused || end > ADDRESSES ? EXCEPTION.address : { address, count };
  }

  function readBits(table: Table, pdu: Buffer): Buffer | Exception {
    const range = readRange(table, pdu, Math.min(device.rules.maxBits, MOST_BITS));
    if (typeof range === 'number') return range;
    const reply = dataReply(pdu, Math.ceil(range.count / 8));
    for (let bit = 0; bit < range.count; bit++) {
      if (tables[table].get(range.address + bit) !== 1) continue;
      const at = 2 + (bit >> 3);
      reply[at] = (reply[at] ?? 0) | (1 << (bit & 7));
    }
    return reply;
  }

  function readRegisters(table: Table, pdu: Buffer): Buffer | Exception {
    const range = readRange(table, pdu, device.rules.maxRegisters);
    if (typeof range === 'number') return range;
    const reply = dataReply(pdu, 2 * range.count);
    for (let index = 0; index < range.count; index++) {
      reply.writeUInt16BE(tables[table].get(range.address + index) ?? 0, 2 + 2 * index);
    }
    return reply;
  }

  function writeCoil(pdu: Buffer): Buffer | Exception {
    if (pdu.length !== 5) return EXCEPTION.value;
    const state = pdu.readUInt16BE(3);
    if (state !== COIL.on && state !== COIL.off) return EXCEPTION.value;
    return store('coil', pdu.readUInt16BE(1), [Number(state === COIL.on)]) ?? Buffer.from(pdu);
  }

  function writeRegister(pdu: Buffer): Buffer | Exception {
    if (pdu.length !== 5) return EXCEPTION.value;
    return store('holding', pdu.readUInt16BE(1), [pdu.readUInt16BE(3)]) ?? Buffer.from(pdu);
  }

  function writeCoils(pdu: Buffer): Buffer | Exception {
    const count = writtenCount(pdu, MOST_WRITTEN_BITS, (bits) => Math.ceil(bits / 8));
    if (count === undefined) return EXCEPTION.value;
    const states = Array.from(
      { length: count },
      (_, bit) => (pdu.readUInt8(6 + (bit >> 3)) >> (bit & 7)) & 1,
    );
    return store('coil', pdu.readUInt16BE(1), states) ?? Buffer.from(pdu.subarray(0, 5));
  }

  function writeRegisters(pdu: Buffer): Buffer | Exception {
    const count = writtenCount(pdu, MOST_WRITTEN_REGISTERS, (registers) => 2 * registers);
    if (count === undefined) return EXCEPTION.value;
    const words = Array.from({ length: count }, (_, index) => pdu.readUInt16BE(6 + 2 * index));
    return store('holding', pdu.readUInt16BE(1), words) ?? Buffer.from(pdu.subarray(0, 5));
  }

  /** Return query data (section 6.8.1). */
  function echo(pdu: Buffer): Buffer | Exception {
    return pdu.length === 5 && pdu.readUInt16BE(1) === 0 ? Buffer.from(pdu) : EXCEPTION.function;
  }

  function maskRegister(pdu: Buffer): Buffer | Exception {
    if (pdu.length !== 7) return EXCEPTION.value;
    const [address, and, or] = [pdu.readUInt16BE(1), pdu.readUInt16BE(3), pdu.readUInt16BE(5)];
    const before = tables.holding.get(address) ?? 0;
    return store('holding', address, [(before & and) | (or & ~and)]) ?? Buffer.from(pdu);
  }

  function writeAndRead(pdu: Buffer): Buffer | Exception {
    if (pdu.length < 10) return EXCEPTION.value;
    const written = Buffer.concat([pdu.subarray(0, 1), pdu.subarray(5)]);
    const result = writeRegisters(written);
    return typeof result === 'number' ? result : readRegisters('holding', pdu.subarray(0, 5));
  }

  /** Writes, if all of the addresses belong to points that may be written. */
  function store(table: Table, address: number, values: readonly number[]): Exception | undefined {
    const end = address + values.length;
    const written = [...device.fields.values()].filter(
      (field) => field.table === table && field.address < end && field.address + field.span > address,
    );
    const isAllowed = values.every((_, index) =>
      written.some((field) => field.write !== undefined && isPart(field, address + index)),
    );
    if (!isAllowed) return EXCEPTION.address;
    for (const [index, value] of values.entries()) tables[table].set(address + index, value);
    for (const field of written) tell(field);
    return undefined;
  }

  function tell(field: Field): void {
    const value = currentValue(field);
    if (value !== undefined) onWrite(field, value);
  }

  function currentValue(field: Field): FieldValue | undefined {
    const first = field.address + field.offset;
    const data = Buffer.alloc(2 * (field.span - field.offset));
    for (let index = 0; index < field.span - field.offset; index++) {
      const word = tables[field.table].get(first + index) ?? 0;
      if (TABLES[field.table].bits) data[0] = word;
      else data.writeUInt16BE(word, 2 * index);
    }
    const raw = field.codec.decode(data, 0);
    return field.factor === undefined ? raw : scaled(raw, currentValue(field.factor));
  }

  return {
    get(point) {
      const value = currentValue(fieldOf(point));
      if (value === undefined) throw new GatewayError('adapter.no-value', `point ${point} has no value now`);
      return value;
    },
    set(point, value) {
      const field = fieldOf(point);
      const raw = field.factor === undefined ? value : unscaled(value, currentValue(field.factor));
      const encoded = raw === undefined ? { fault: 'it has no scale' } : field.codec.encode(raw);
      if ('fault' in encoded) throw new GatewayError('adapter.unfit-value', `${point}: ${encoded.fault}`);
      for (let index = 0; index < Math.ceil(encoded.data.length / 2); index++) {
        const word = TABLES[field.table].bits
          ? encoded.data.readUInt8(0)
          : encoded.data.readUInt16BE(2 * index);
        const at = field.address + field.offset + index;
        const others = field.mask === undefined ? 0 : (tables[field.table].get(at) ?? 0) & ~field.mask;
        tables[field.table].set(at, word | others);
      }
    },
    answer(pdu) {
      const code = pdu.readUInt8(0);
      const reply = functions[code]?.(pdu) ?? EXCEPTION.function;
      return typeof reply === 'number' ? Buffer.from([code | 0x80, reply]) : reply;
    },
  };
}

function isPart(field: Field, address: number): boolean {
  return address >= field.address && address < field.address + field.span;
}

/** Room for the answer to a read: function, byte count, data. */
function dataReply(pdu: Buffer, bytes: number): Buffer {
  const reply = Buffer.alloc(2 + bytes);
  reply.writeUInt8(pdu.readUInt8(0), 0);
  reply.writeUInt8(bytes, 1);
  return reply;
}

/** How many a request for a multiple write writes; undefined when its lengths contradict each other. */
function writtenCount(pdu: Buffer, most: number, bytesOf: (count: number) => number): number | undefined {
  if (pdu.length < 7) return undefined;
  const count = pdu.readUInt16BE(3);
  const bytes = bytesOf(count);
  return count >= 1 && count <= most && pdu.readUInt8(5) === bytes && pdu.length === 6 + bytes
    ? count
    : undefined;
}
