import type { Peer } from '../transport/index.ts';
import { type Message, sameBytes } from './message.ts';

/** Responses with this token, of this peer, are wanted (RFC 7252 5.3.2). */
export interface Expectation {
  readonly peer: Peer;
  readonly token: Uint8Array;
  /** Whether the response is taken; if not, the peer is told so. */
  take: (response: Message) => boolean;
  /** The connection to the peer is over: no response will come. */
  lost?: () => void;
}

/** Gives out tokens, and finds who waits for a response. */
export interface Expectations {
  expect(peer: Peer, take: (response: Message) => boolean): Expectation;
  forget(expectation: Expectation): void;
  /** @returns false if nobody wants it */
  take(peer: Peer, response: Message): boolean;
  /** Tells all who wait for responses of this peer that there will be none. */
  drop(peer: Peer): void;
  readonly size: number;
}

const TOKEN_LENGTH = 8;
const HALF = 4;
const LARGEST_ID = 0x3fffffff;

/**
 * A token is a running number, by which it is found without making a text of it, and 32 bits of chance, so that a
 * stranger cannot guess it (RFC 7252 5.3.1).
 */
export function createExpectations(random: () => number): Expectations {
  const expectations = new Map<number, Expectation>();
  let id = Math.floor(random() * LARGEST_ID);

  const nextId = (): number => {
    do id = id >= LARGEST_ID ? 0 : id + 1;
    while (expectations.has(id));
    return id;
  };

  return {
    get size() {
      return expectations.size;
    },
    expect(peer, take) {
      const token = Buffer.allocUnsafe(TOKEN_LENGTH);
      token.writeUInt32BE(nextId(), 0);
      token.writeUInt32BE(Math.floor(random() * 2 ** 32), HALF);
      const expectation: Expectation = { peer, token, take };
      expectations.set(id, expectation);
      return expectation;
    },
    forget({ token }) {
      expectations.delete(idOf(token));
    },
    take(peer, response) {
      const { token } = response;
      if (token.length !== TOKEN_LENGTH) return false;
      const expectation = expectations.get(idOf(token));
      if (expectation === undefined || expectation.peer.key !== peer.key) return false;
      return sameBytes(expectation.token, token) && expectation.take(response);
    },
    drop(peer) {
      for (const { peer: asked, lost } of [...expectations.values()]) if (asked.key === peer.key) lost?.();
    },
  };
}

function idOf(token: Uint8Array): number {
  let id = 0;
  for (let at = 0; at < HALF; at++) id = id * 256 + (token[at] ?? 0);
  return id;
}
