import type { FieldValue, PlanFault } from 'lwm2m-gateway/adapter';
import type { Table } from './address.ts';
import { registerValue, type ValueKeys, type ValuePresets } from './compile-value.ts';
import type { Places } from './place.ts';
import type { ValueCodec } from './value.ts';

/** A value by which a device of its type is known, as its schema lets it pass. */
export interface SignatureKeys extends ValueKeys {
  readonly addr: number;
  readonly oneOf: readonly (number | string)[];
}

/** A value that is read before any other is believed. */
export interface Sign {
  readonly table: Table;
  readonly address: number;
  readonly span: number;
  readonly codec: ValueCodec;
  readonly oneOf: readonly FieldValue[];
}

/** Compiles the signs of a profile; what is wrong with one is reported, and leaves it out. */
export function compileSignature(
  signature: readonly SignatureKeys[],
  presets: ValuePresets,
  places: Places,
  fault: (path: PlanFault['path'], message: string) => void,
): readonly Sign[] {
  return signature.flatMap((keys, index): Sign[] => {
    const at = (key: string, message: string): void => fault(['protocol', 'signature', index, key], message);
    const place = places.of(keys);
    const value = registerValue(keys, presets, at);
    if (place === undefined || value === undefined) return [];
    if ('fault' in place) {
      at(place.key, place.fault);
      return [];
    }
    const { codec, span } = value;
    for (const one of keys.oneOf) {
      const encoded = codec.encode(one);
      if ('fault' in encoded) at('oneOf', encoded.fault);
    }
    return [{ table: keys.table, address: place.address, span, codec, oneOf: keys.oneOf }];
  });
}

/** What a device of the type holds there. */
export function signImage({ table, address, codec, oneOf: [one = 0] }: Sign): Places['image'] {
  const encoded = codec.encode(one);
  return 'data' in encoded ? [{ table, address, data: encoded.data }] : [];
}

/** What the device is by its answer, where that is nothing of what it should be. */
export function strangerBy({ codec, oneOf }: Sign, data: Buffer): string | undefined {
  const shown = codec.decode(data, 0);
  return shown !== undefined && oneOf.includes(shown) ? undefined : String(shown);
}
