/** Registers that tell what a device is, in the same answer as the value: beside others the value means nothing. */
export interface Marker {
  /** bytes from where the data of the field begin */
  readonly at: number;
  readonly is: Buffer;
}

/** @param from where the data of the field begin */
export function isMarked(data: Buffer, from: number, { at, is }: Marker): boolean {
  return data.subarray(from + at, from + at + is.length).equals(is);
}
