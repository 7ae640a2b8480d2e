import type { Clock } from 'lwm2m-gateway/adapter';

/** What a simulated device, or the way from it, does to one answer. */
export type Fault =
  | { readonly kind: 'drop' }
  /** the answer comes after so long, and no other before it: a device does one thing after the other */
  | { readonly kind: 'late'; readonly ms: number }
  /** one bit of this byte is wrong; counted from the end when negative */
  | { readonly kind: 'garble'; readonly at: number }
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** bytes come one by one */
  | { readonly kind: 'drip'; readonly ms: number }
  | { readonly kind: 'noise'; readonly before: Buffer }
  | { readonly kind: 'double' }
  | { readonly kind: 'hang-up' }
  /** the device refuses, and does nothing */
  | { readonly kind: 'exception'; readonly code: number };

/** Chooses what goes wrong with the answer to `request` (unit, function, data); undefined: nothing. */
export type FaultScript = (request: Buffer, random: () => number) => Fault | undefined;

/** Bytes and when they are to be sent after those before them; undefined breaks the connection. */
type Piece = readonly [afterMs: number, bytes: Buffer | undefined];

/** The answer as the fault has it. */
function piecesOf(frame: Buffer, fault: Fault | undefined): readonly Piece[] {
  switch (fault?.kind) {
    case undefined:
    case 'exception':
      return [[0, frame]];
    case 'drop':
      return [];
    case 'late':
      return [[fault.ms, frame]];
    case 'garble': {
      const damaged = Buffer.from(frame);
      const at = ((fault.at % frame.length) + frame.length) % frame.length;
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      return [[0, damaged]];
    }
    case 'truncate':
      return [[0, frame.subarray(0, fault.bytes)]];
    case 'drip':
      return [...frame].map((byte, index) => [index === 0 ? 0 : fault.ms, Buffer.of(byte)]);
    case 'noise':
      return [
        [0, fault.before],
        [0, frame],
      ];
    case 'double':
      return [[0, Buffer.concat([frame, frame])]];
    case 'hang-up':
      return [[0, undefined]];
  }
}

/** What a device needs for a request, at least. */
const PROCESSING_MS = 5;

/** Sends answers in order, each as its fault has it. */
export function createFaultySender(
  clock: Clock,
  write: (bytes: Buffer) => void,
  hangUp: () => void,
): (frame: Buffer, fault: Fault | undefined) => void {
  const waiting: Piece[] = [];
  let isBusy = false;

  const send = (bytes: Buffer | undefined): void => {
    if (bytes === undefined) hangUp();
    else write(bytes);
  };

  const next = (): void => {
    for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
      const [afterMs, bytes] = piece;
      if (afterMs > 0) {
        isBusy = true;
        clock.after(afterMs, () => {
          isBusy = false;
          send(bytes);
          next();
        });
        return;
      }
      send(bytes);
    }
  };

  return (frame, fault) => {
    // What was asked meanwhile is begun only then.
    if (isBusy) waiting.push([PROCESSING_MS, Buffer.alloc(0)]);
    waiting.push(...piecesOf(frame, fault));
    if (!isBusy) next();
  };
}
