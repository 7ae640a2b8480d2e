import { createValueCodec, type Order, type ValueCodec } from './value.ts';

/** A register that tells what a device is, in the same answer as the value; offsets in bytes from where both begin. */
export interface Marker {
  readonly at: number;
  readonly is: number;
  readonly valueAt: number;
}

/** A value that is believed only beside its marker: another model, or another device, has other things there. */
export function markedCodec(codec: ValueCodec, order: Order, { at, is, valueAt }: Marker): ValueCodec {
  const markers = createValueCodec({ type: 'uint16', order, length: 1 });
  return {
    decode: (data, from) =>
      markers.decode(data, from + at) === is ? codec.decode(data, from + valueAt) : undefined,
    encode: () => ({ fault: 'a value beside a marker can only be read' }),
  };
}
