import type { CoapRequest, CoapResponse } from './request.ts';

/**
 * Why a body that was begun will never be whole: its peer began it anew or began too many others; no block came, `write`
 * did not settle, or all together was not done in time; `write` answered or failed, or there was no room; it is larger
 * than it may be; or its connection is over, or the endpoint was closed.
 */
export type BodyLoss = 'replaced' | 'timeout' | 'failed' | 'too-large' | 'closed';

/**
 * Takes the body of a request while it arrives, chunk by chunk in order, each once. One of `end` and `abort` is called,
 * once and last. Nothing of a body counts before `end`: what must be whole or not at all is applied there.
 */
export interface BodySink {
  /** bytes of the body, default {@link EndpointLimits.bodyBytes}; a larger one is refused with 4.13 and aborted */
  readonly mostBytes?: number;
  /**
   * Takes the next bytes, which are a view of the datagram. The peer sends more only when this has settled
   * (RFC 7959 2.5). A response instead of nothing refuses the body and is its answer; what this throws becomes 5.00.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is the usual case
  write(chunk: Uint8Array): CoapResponse | void | Promise<CoapResponse | void>;
  /** The body is whole. Answers its request, as a handler does. */
  end(): CoapResponse | Promise<CoapResponse>;
  /** No more will come. May be called while a `write` has not settled, whose outcome then counts no more. */
  abort(why: BodyLoss): void;
}

/** A request whose body is about to come. */
export interface BodyHead extends Omit<CoapRequest, 'payload'> {
  /** bytes of the whole body, as far as the peer says so (Size1, RFC 7959 4) */
  readonly size: number | undefined;
}

/**
 * Decides how the body of a request that changes something is taken: by a sink, also if it comes in one message; not at
 * all, with this response; or (undefined) it is collected, and the handler gets it whole.
 */
export type OpenBody = (head: BodyHead) => BodySink | CoapResponse | undefined;

/** Keeps a body in one buffer that doubles, so that nothing else is kept of its blocks. */
export class Collector implements Pick<BodySink, 'write' | 'abort'> {
  #buffer = new Uint8Array(4096);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  write(chunk: Uint8Array): undefined {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  abort(): void {}
}
