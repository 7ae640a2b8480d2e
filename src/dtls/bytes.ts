import { malformed } from './fault.ts';

/**
 * Reads the presentation language of RFC 5246 4 from front to back. Never reads beyond the end.
 * All methods throw GatewayError `dtls.malformed`. Byte strings are views, not copies.
 */
export interface Reader {
  readonly left: number;
  /** An unsigned number of 1 to 6 bytes. */
  uint(size: number): number;
  bytes(length: number): Buffer;
  /** A byte string behind its length, which itself takes `lengthSize` bytes. */
  vector(lengthSize: number): Buffer;
  /** The numbers of `size` bytes in a vector. */
  list(lengthSize: number, size: number): number[];
  /** Asserts that nothing is left. */
  end(): void;
}

export function createReader(source: Uint8Array): Reader {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  let at = 0;
  const take = (length: number): number => {
    if (length > bytes.length - at) throw malformed('cut short');
    at += length;
    return at - length;
  };
  const reader: Reader = {
    get left() {
      return bytes.length - at;
    },
    uint: (size) => bytes.readUIntBE(take(size), size),
    bytes(length) {
      const from = take(length);
      return bytes.subarray(from, from + length);
    },
    vector: (lengthSize) => reader.bytes(reader.uint(lengthSize)),
    list(lengthSize, size) {
      const items = createReader(reader.vector(lengthSize));
      const numbers: number[] = [];
      while (items.left > 0) numbers.push(items.uint(size));
      return numbers;
    },
    end() {
      if (at < bytes.length) throw malformed('bytes behind the end');
    },
  };
  return reader;
}

/** A copy for a long life: out of the pool, of which it would keep 8 KiB alive, and so that it can be erased. */
export function keep(bytes: Uint8Array): Buffer {
  const own = Buffer.alloc(bytes.length);
  own.set(bytes);
  return own;
}

/** An unsigned number in `size` bytes. */
export function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

/** A byte string behind its length. */
export function vector(lengthSize: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([uint(length, lengthSize), ...parts]);
}
