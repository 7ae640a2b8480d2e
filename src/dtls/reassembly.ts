import type { Fragment, Message } from './message.ts';

/** Puts the messages of the server together, in their order (RFC 6347 4.2.2, 4.2.3). */
export interface Reassembly {
  /** message_seq of the message that is due. */
  readonly due: number;
  /** Goes on with another message, forgetting those before it. */
  expect(sequence: number): void;
  /** @returns false for a fragment that cannot be kept, or tells nothing new */
  add(fragment: Fragment): boolean;
  /** The message that is due, once it is complete; the next one is due then. */
  take(): Message | undefined;
  /** Forgets everything. */
  clear(): void;
}

/** Room for a chain of some certificates. */
const MAX_MESSAGE = 32 * 1024;
/** Messages kept besides the one that is due. */
const MAX_AHEAD = 8;

interface Incomplete {
  readonly type: number;
  readonly body: Buffer;
  /** which bytes of the body have come */
  readonly present: Uint8Array;
  missing: number;
}

export function createReassembly(): Reassembly {
  const messages = new Map<number, Incomplete>();
  let due = 0;

  const begin = ({ type, length, sequence }: Fragment): Incomplete => {
    const message = { type, body: Buffer.alloc(length), present: new Uint8Array(length), missing: length };
    messages.set(sequence, message);
    return message;
  };

  return {
    get due() {
      return due;
    },
    expect(sequence) {
      due = sequence;
      for (const known of messages.keys()) if (known < due) messages.delete(known);
    },
    add(fragment) {
      const { type, sequence, length, offset, bytes } = fragment;
      if (sequence < due || sequence > due + MAX_AHEAD || length > MAX_MESSAGE) return false;
      let message = messages.get(sequence);
      // What contradicts an earlier fragment begins anew: either may be forged, and the server repeats the true one.
      if (message?.type !== type || message.body.length !== length) message = begin(fragment);
      message.body.set(bytes, offset);
      const before = message.missing;
      for (let at = offset; at < offset + bytes.length; at++) {
        if (message.present[at] === 0) message.missing--;
        message.present[at] = 1;
      }
      return message.missing < before || length === 0;
    },
    take() {
      const message = messages.get(due);
      if (message === undefined || message.missing > 0) return undefined;
      messages.delete(due);
      return { type: message.type, sequence: due++, body: message.body };
    },
    clear() {
      messages.clear();
    },
  };
}
