import { type Backoff, backoffDelay, type Cancel, type Timers } from '../base/index.ts';
import type { Entry, Path, Release } from '../model/index.ts';
import type { Answer, Refusing } from './contract.ts';

/** What came of Send. */
export type SendResult =
  | { readonly status: 'sent' }
  /** Mute Send (resource 23 of the Server object) is true or absent */
  | { readonly status: 'muted' }
  /** the release of the registration, or nothing to send, does not allow it */
  | { readonly status: 'impossible'; readonly message: string }
  /** not now: no registration, no connection, or prefixes that the server does not know yet */
  | { readonly status: 'unavailable'; readonly message: string }
  | { readonly status: 'refused'; readonly code: string }
  /** too much waits already */
  | { readonly status: 'overloaded' }
  /** it waited for too long */
  | { readonly status: 'expired' }
  | Refusing;

export interface SendOptions {
  /** 110, 112 (default) or 11544; another one where that cannot say it. */
  readonly contentFormat?: number;
  /** How long it may wait for the server, in ms; 0 or absent: not at all. */
  readonly deferMs?: number;
}

/** Says to one server what it did not ask for (OMA Core 1.2.2 6.4.6). */
export interface Sending {
  send(entries: readonly Entry[], options?: SendOptions): Promise<SendResult>;
  /** The server has taken a new registration, and knows nothing of devices yet. */
  registered(): void;
  /** The server has read or observed Object 25: it knows the prefixes (digest 5.6). */
  knowsDevices(): void;
  /** The server is there again, or has allowed Send. */
  resume(): void;
  /** Whether entries with a prefix can be sent now. */
  readonly isReadyForDevices: boolean;
  stop(): void;
}

export interface SendingPorts {
  readonly timers: Timers;
  monotonic(): number;
  random(): number;
  readonly retry: Backoff;
  isReachable(): boolean;
  isMuted(): boolean;
  release(): Release;
  send(entries: readonly Entry[], contentFormat: number): Promise<Answer>;
  /** The server did not answer. */
  unreached(): void;
  /** The server does not know us, or not all of what was sent: an Update shows which. */
  doubted(): void;
  /** Entries with a prefix can be sent from now on. */
  readyForDevices(): void;
}

/** One message that waits or is under way. */
interface Message {
  readonly entries: readonly Entry[];
  readonly isOfDevices: boolean;
  readonly isDeferrable: boolean;
  readonly settle: (result: SendResult) => void;
  contentFormat: number;
  refusals: number;
  notBefore: number;
}

const SENML_CBOR = 112;
const SENML_JSON = 110;

/** Entries and messages that wait for one server. */
const MOST_WAITING = { messages: 1000, entries: 100_000 };

/** Refusals of one message with prefixes, each after the server has looked at Object 25 anew. */
const MOST_REFUSALS = 5;

/** The answer that tells the server of devices arrives before what speaks of them. */
const AFTER_READ_MS = 500;

/** Codes by which servers refuse prefixes that they do not know (digest 5.6). */
const UNKNOWN_PREFIX: ReadonlySet<string> = new Set(['4.00', '4.04']);

const SENT: SendResult = { status: 'sent' };

const isPrefixed = ({ path }: { readonly path: Path }): boolean => path.prefix !== '';

export function createSending(ports: SendingPorts): Sending {
  const { timers } = ports;
  const waiting = new Set<Message>();
  let isBusy = false;
  let knows = false;
  let waitingEntries = 0;
  let look: Cancel | undefined;

  const settle = (message: Message, result: SendResult): void => {
    if (!waiting.delete(message)) return;
    waitingEntries -= message.entries.length;
    message.settle(result);
  };

  const obstacle = ({ isOfDevices, notBefore }: Message): SendResult | undefined => {
    if (!ports.isReachable()) return { status: 'unavailable', message: 'the server cannot be reached now' };
    if (ports.isMuted()) return { status: 'muted' };
    if (isOfDevices && !knows) return { status: 'unavailable', message: 'the server has not read /25 yet' };
    return notBefore > ports.monotonic() ? { status: 'unavailable', message: 'refused before' } : undefined;
  };

  const refused = (message: Message, code: string): void => {
    if (code === '4.15' && message.contentFormat !== SENML_JSON) {
      message.contentFormat = message.contentFormat === SENML_CBOR ? SENML_JSON : SENML_CBOR;
      return;
    }
    if (code === '4.04') ports.doubted();
    message.refusals++;
    const mayBePrefix = message.isOfDevices && UNKNOWN_PREFIX.has(code);
    if (!mayBePrefix || !message.isDeferrable || message.refusals >= MOST_REFUSALS) {
      settle(message, { status: 'refused', code });
      return;
    }
    knows = false;
    const waitMs = backoffDelay(ports.retry, message.refusals, ports.random());
    message.notBefore = ports.monotonic() + waitMs;
    timers.after(waitMs, next);
  };

  const answered = (message: Message, answer: Answer): void => {
    if (answer.status === 'ok') settle(message, SENT);
    else if (answer.status === 'refused') refused(message, answer.code);
    else {
      ports.unreached();
      const problem = answer.status === 'unreachable' ? answer.message : 'no answer to a Send';
      if (!message.isDeferrable) settle(message, { status: 'unavailable', message: problem });
    }
  };

  /** One at a time, the oldest that nothing hinders. */
  const next = (): void => {
    if (isBusy) return;
    for (const message of waiting) {
      const hindered = obstacle(message);
      if (hindered !== undefined) {
        if (!message.isDeferrable || hindered.status === 'muted') settle(message, hindered);
        continue;
      }
      isBusy = true;
      void ports.send(message.entries, message.contentFormat).then((answer) => {
        isBusy = false;
        answered(message, answer);
        next();
      });
      return;
    }
  };

  const enqueue = (
    entries: readonly Entry[],
    isOfDevices: boolean,
    options: SendOptions,
  ): Promise<SendResult> =>
    new Promise((resolve) => {
      const { contentFormat = SENML_CBOR, deferMs = 0 } = options;
      const isFull =
        waiting.size >= MOST_WAITING.messages || waitingEntries + entries.length > MOST_WAITING.entries;
      if (isFull) {
        resolve({ status: 'overloaded' });
        return;
      }
      let giveUp: Cancel | undefined;
      const message: Message = {
        entries,
        isOfDevices,
        isDeferrable: deferMs > 0,
        settle(result) {
          giveUp?.();
          resolve(result);
        },
        contentFormat,
        refusals: 0,
        notBefore: 0,
      };
      waiting.add(message);
      waitingEntries += entries.length;
      if (deferMs > 0) giveUp = timers.after(deferMs, () => settle(message, { status: 'expired' }));
      next();
    });

  const impossible = (entries: readonly Entry[]): string | undefined => {
    if (ports.release() === '1.0') return 'LwM2M 1.0 has no Send';
    return entries.length === 0 ? 'there is nothing to send' : undefined;
  };

  return {
    async send(entries, options = {}) {
      const message = impossible(entries);
      if (message !== undefined) return { status: 'impossible', message };
      if (ports.isMuted()) return { status: 'muted' };
      const ofDevices = entries.filter(isPrefixed);
      const own = entries.filter((entry) => !isPrefixed(entry));
      // A server that may not know a prefix refuses all of a message because of it (digest 5.6).
      if (knows || ofDevices.length === 0 || own.length === 0)
        return enqueue(entries, ofDevices.length > 0, options);
      const results = await Promise.all([enqueue(own, false, options), enqueue(ofDevices, true, options)]);
      return results.find(({ status }) => status !== 'sent') ?? SENT;
    },
    registered() {
      knows = false;
      look?.();
    },
    knowsDevices() {
      if (knows) return;
      look?.();
      look = timers.after(AFTER_READ_MS, () => {
        knows = true;
        next();
        ports.readyForDevices();
      });
    },
    resume: next,
    get isReadyForDevices() {
      return knows;
    },
    stop() {
      look?.();
      for (const message of [...waiting]) settle(message, { status: 'unavailable', message: 'stopped' });
    },
  };
}
