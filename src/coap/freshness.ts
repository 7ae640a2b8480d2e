import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/index.ts';
import { OptionNumber } from './option.ts';
import type { CoapRequest, CoapResponse } from './request.ts';

/** Makes sure that chosen requests are no old ones, sent again by somebody else (RFC 9175 2). */
export interface Freshness {
  /**
   * What a handler, or who opens a body, answers instead of doing what is asked: 4.01 with a new Echo value, until the
   * peer repeats one that is young enough. Undefined: go on.
   */
  demand(request: Pick<CoapRequest, 'peer' | 'options'>): CoapResponse | undefined;
}

export interface FreshnessOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** how old an Echo value may be, default 60 s; the whole of a body in blocks has to begin in that time */
  readonly freshMs?: number;
  /** default: made by chance, so that values of an earlier run are worth nothing */
  readonly key?: Uint8Array;
}

const TIME_LENGTH = 6;
const MAC_LENGTH = 8;
const FRESH_MS = 60_000;

/** Keeps nothing: an Echo value is a time, and a code that only we can make for that time and peer (RFC 9175 A.2). */
export function createFreshness(options: FreshnessOptions): Freshness {
  const { clock, freshMs = FRESH_MS, key = randomBytes(32) } = options;

  const codeFor = (time: Uint8Array, peer: string): Uint8Array =>
    createHmac('sha256', key).update(time).update(peer).digest().subarray(0, MAC_LENGTH);

  const isFresh = (echo: Uint8Array, peer: string): boolean => {
    if (echo.length !== TIME_LENGTH + MAC_LENGTH) return false;
    const time = Buffer.from(echo.subarray(0, TIME_LENGTH));
    if (!timingSafeEqual(echo.subarray(TIME_LENGTH), codeFor(time, peer))) return false;
    return clock.monotonic() - time.readUIntBE(0, TIME_LENGTH) <= freshMs;
  };

  const echoFor = (peer: string): Uint8Array => {
    const time = Buffer.alloc(TIME_LENGTH);
    time.writeUIntBE(Math.floor(clock.monotonic()), 0, TIME_LENGTH);
    return Buffer.concat([time, codeFor(time, peer)]);
  };

  return {
    demand({ peer, options: given }) {
      const echo = given.find(({ number }) => number === OptionNumber.echo);
      if (echo !== undefined && isFresh(echo.value, peer.key)) return undefined;
      return { code: '4.01', options: [{ number: OptionNumber.echo, value: echoFor(peer.key) }] };
    },
  };
}
