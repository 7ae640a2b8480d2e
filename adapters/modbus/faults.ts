import type { Clock } from 'lwm2m-gateway/adapter';

/** What a simulated device, or the way from it, does to one answer. */
export type Fault =
  | { readonly kind: 'drop' }
  /** the answer comes after so long, behind those that were asked for earlier */
  | { readonly kind: 'late'; readonly ms: number }
  /** one bit of this byte is wrong; counted from the end when negative */
  | { readonly kind: 'garble'; readonly at: number }
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** bytes come one by one */
  | { readonly kind: 'drip'; readonly ms: number }
  | { readonly kind: 'noise'; readonly before: Buffer }
  | { readonly kind: 'double' }
  | { readonly kind: 'hang-up' };

/** Chooses what goes wrong with the answer to `request` (unit, function, data); undefined: nothing. */
export type FaultScript = (request: Buffer, random: () => number) => Fault | undefined;

interface FaultPorts {
  write(bytes: Buffer): void;
  /** Breaks the connection, where there is one. */
  hangUp(): void;
  readonly clock: Clock;
}

/** Sends `frame` as the fault has it. */
export function perform(fault: Fault, frame: Buffer, { write, hangUp, clock }: FaultPorts): void {
  switch (fault.kind) {
    case 'drop':
      return;
    case 'late':
      clock.after(fault.ms, () => write(frame));
      return;
    case 'garble': {
      const damaged = Buffer.from(frame);
      const at = ((fault.at % frame.length) + frame.length) % frame.length;
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      write(damaged);
      return;
    }
    case 'truncate':
      write(frame.subarray(0, fault.bytes));
      return;
    case 'drip':
      for (let at = 0; at < frame.length; at++) {
        clock.after(at * fault.ms, () => write(frame.subarray(at, at + 1)));
      }
      return;
    case 'noise':
      write(fault.before);
      write(frame);
      return;
    case 'double':
      write(frame);
      write(frame);
      return;
    case 'hang-up':
      hangUp();
  }
}
