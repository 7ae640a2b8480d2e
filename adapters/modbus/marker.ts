/** A register that tells what a device is, or what a value means, in the same answer as the value. */
export interface Marker {
  /** bytes from where the data of the field begin */
  readonly at: number;
  readonly is: Buffer;
}

/** @param from where the data of the field begin */
export function isMarked(data: Buffer, from: number, markers: readonly Marker[]): boolean {
  return markers.every(({ at, is }) => data.subarray(from + at, from + at + is.length).equals(is));
}
