import { fileURLToPath } from 'node:url';
import { converse } from './dialogue.ts';
import { pythonWith } from './python.ts';

/** Python's cbor2 as a reader and writer of CBOR. */

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const cbor2InstallLine =
  "python3 -m venv .cache/pymodbus && .cache/pymodbus/bin/pip install 'cbor2>=5.7,<7'";

/** A CBOR item; whole numbers are decimal text, byte strings hex. */
export type CborItem =
  | { readonly int: string }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly bytes: string }
  | { readonly bool: boolean }
  | { readonly array: readonly CborItem[] }
  | { readonly map: readonly (readonly [key: CborItem, value: CborItem])[] };

export interface CborStyle {
  /** Shortest floats, and keys in order; else floats take 8 bytes. */
  readonly canonical: boolean;
  readonly indefinite: boolean;
}

export interface Cbor2 {
  /** What the bytes say, and how cbor2 itself says it in the canonical form. Rejects bytes that are no item. */
  decode(bytes: Uint8Array): Promise<{ readonly item: CborItem; readonly canonical: Uint8Array }>;
  encode(item: CborItem, style: CborStyle): Promise<Uint8Array>;
  stop(): Promise<void>;
}

export function cbor2Available(): boolean {
  return pythonWith('cbor2') !== undefined;
}

export function startCbor2(): Cbor2 {
  const interpreter = pythonWith('cbor2');
  if (interpreter === undefined) throw new Error(`cbor2 is missing: ${cbor2InstallLine}`);
  const { ask, stop } = converse(interpreter, ['-u', at('cbor2_peer.py')]);
  const perform = async (task: object): Promise<Record<string, unknown>> => {
    const outcome = (await ask(task)) as Record<string, unknown>;
    if (outcome.error !== undefined) throw new Error(`cbor2: ${outcome.error}`);
    return outcome;
  };
  return {
    async decode(bytes) {
      const { item, canonical } = await perform({ do: 'decode', bytes: Buffer.from(bytes).toString('hex') });
      return { item: item as CborItem, canonical: Buffer.from(`${canonical}`, 'hex') };
    },
    encode: async (item, style) =>
      Buffer.from(`${(await perform({ do: 'encode', item, ...style })).bytes}`, 'hex'),
    stop,
  };
}
