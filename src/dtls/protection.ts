import type { RecordPlace } from './additional-data.ts';
import type { DirectionKeys } from './keys.ts';
import type { Cipher } from './suites.ts';

/** What protects the records of one direction. */
export interface Protection {
  /** The most bytes by which a body is longer than its content. */
  readonly expansion: number;
  /** Writes the protected body to `target` from `at` on. @returns its length */
  seal(place: RecordPlace, content: Uint8Array, target: Buffer, at: number): number;
  /** The content in bytes of its own; undefined when the body is not authentic. */
  open(place: RecordPlace, body: Uint8Array): Buffer | undefined;
}

export interface ProtectionOptions {
  readonly cipher: Cipher;
  readonly keys: DirectionKeys;
  /** of the receiver; empty: none */
  readonly cid: Uint8Array;
  /** RFC 7366; means nothing to an AEAD */
  readonly isEncryptThenMac: boolean;
}
