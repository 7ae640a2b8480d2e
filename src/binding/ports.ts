import type { Cancel, Clock, Logger, Timers } from '../base/index.ts';
import type { Traffic } from '../transport/index.ts';

/** What a way to a server needs of the world. */
export interface BindingPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  random(): number;
  /** Hears how much is sent and received. */
  readonly traffic?: Traffic;
  /** Whether the server is not to be heard just now. */
  readonly isDeaf?: () => boolean;
  /** Hears the secrets of DTLS and TLS, a line of an SSLKEYLOGFILE each time. For debugging only. */
  readonly keyLog?: ((line: string) => void) | undefined;
}

/** Retransmissions go on for a minute and a half; a person who watches wants to know earlier. */
const SILENCE_MS = 8000;

/** Tells that nobody has answered for a while. @returns stops it */
export const tellSilence = ({ timers, log }: Pick<BindingPorts, 'timers' | 'log'>, server: string): Cancel =>
  timers.after(SILENCE_MS, () => log.warn({ server }, 'the server has not answered yet'));
