import type { Backoff, Cancel, Timers } from '../base/index.ts';
import type { Entry, Value } from '../model/index.ts';
import { SERVER_RESOURCES } from '../objects/index.ts';
import { type BacklogLimits, createBacklog, type Moment } from './backlog.ts';
import type { Answer } from './contract.ts';
import type { Journal } from './journal.ts';
import type { Context } from './locate.ts';
import { keyOf } from './moment.ts';
import { merged } from './observation.ts';
import { createObservations, type Observations, type ReportingDefaults } from './observations.ts';
import { createSending, type Sending } from './sending.ts';

/** All that one server is told without asking each time: notifications, stored ones, and Send. */
export interface Reporting {
  readonly observations: Observations;
  readonly sending: Sending;
  /** A resource of the Server object changed. */
  settingsChanged(): void;
  /** A new registration is on its way, which makes the server forget what it observes. */
  suspend(): void;
  registered(): void;
  /** The server has answered an Update. */
  reached(): void;
  /** Nothing is said to the server until it is reached again. */
  pause(): void;
  /** The registration ends: so does what is observed, and nothing more is stored for it. */
  end(): void;
  /** The server was heard. */
  heard(): void;
  /** Moments that wait for the server. */
  readonly stored: number;
  /** Moments that had to make room for newer ones and were never told. */
  readonly lost: number;
  stop(): void;
}

export interface ReportingPorts {
  readonly timers: Timers;
  readonly journal: Journal;
  readonly limits: BacklogLimits;
  readonly retry: Backoff;
  monotonic(): number;
  now(): number;
  random(): number;
  context(): Context;
  /** A resource of the account's Server object. */
  setting(resource: number): Value | undefined;
  send(entries: readonly Entry[], contentFormat: number): Promise<Answer>;
  /** Somebody found that the server does not answer, or answers as if it did not know us. */
  doubted(): void;
}

/** What is kept for a server at most, unless told otherwise. */
export const BACKLOG_LIMITS: BacklogLimits = { moments: 100_000, bytes: 32 << 20 };

/** Servers observe soon after a registration; what they have not asked for by then is sent. */
const GRACE_MS = 30_000;

/**
 * While notifications are to be stored, one is confirmable when nothing was heard of the server for so long: nobody
 * else would find out that they do not arrive.
 */
const PROOF_MS = 5 * 60_000;

/** Entries of one Send with history, unless a single moment is more. */
const ENTRIES_PER_SEND = 500;

const SENML_CBOR = 112;

const prefixOf = ({ about }: Moment): string => about.paths[0]?.prefix ?? '';

export function createReporting(ports: ReportingPorts): Reporting {
  const { timers, setting } = ports;
  const backlog = createBacklog(ports.journal, ports.limits, ports.now);
  let isReachable = false;
  let provenAt = ports.monotonic();
  let grace: Cancel | undefined;
  let isInGrace = true;
  let isSendingStored = false;

  const isMuted = (): boolean => setting(SERVER_RESOURCES.muteSend) !== false;
  const isStoring = (): boolean => setting(SERVER_RESOURCES.storing) !== false;
  const unreached = (): void => {
    if (!isReachable) return;
    isReachable = false;
    ports.doubted();
  };

  const defaults = (): ReportingDefaults => {
    const pmin = setting(SERVER_RESOURCES.defaultPmin);
    const pmax = setting(SERVER_RESOURCES.defaultPmax);
    return {
      ...(typeof pmin === 'number' ? { pmin } : {}),
      ...(typeof pmax === 'number' ? { pmax } : {}),
      ...(setting(SERVER_RESOURCES.notificationMode) === 1 ? { con: 1 } : {}),
    };
  };

  const observations = createObservations({
    timers,
    backlog,
    defaults,
    isStoring,
    unreached,
    monotonic: () => ports.monotonic(),
    context: () => ports.context(),
    isReachable: () => isReachable,
    wantsProof() {
      const now = ports.monotonic();
      if (now - provenAt < PROOF_MS || !isStoring()) return false;
      provenAt = now;
      return true;
    },
  });

  const sending = createSending({
    timers,
    unreached,
    isMuted,
    retry: ports.retry,
    monotonic: () => ports.monotonic(),
    random: () => ports.random(),
    isReachable: () => isReachable,
    release: () => ports.context().release,
    send: (entries, contentFormat) => ports.send(entries, contentFormat),
    doubted: () => ports.doubted(),
    readyForDevices: () => void sendStored(),
  });

  /**
   * Some of what was stored for observations that are no more: of one device, since a server that does not know it
   * refuses all of a message.
   */
  const forgotten = (refused: ReadonlySet<string>): readonly Moment[] => {
    const found: Moment[] = [];
    let prefix: string | undefined;
    let entries = 0;
    for (const about of backlog.abouts()) {
      const of = about.paths[0]?.prefix ?? '';
      const isOther = prefix !== undefined && of !== prefix;
      const isHeld = of !== '' && !sending.isReadyForDevices;
      if (isOther || isHeld || refused.has(of) || observations.isObserved(about)) continue;
      prefix = of;
      for (const moment of backlog.oldest(keyOf(about), ENTRIES_PER_SEND)) {
        entries += moment.entries.length;
        if (found.length > 0 && entries > ENTRIES_PER_SEND) return found;
        found.push(moment);
      }
    }
    return found;
  };

  /** Sends what nobody observes any more, message by message. */
  const sendStored = async (): Promise<void> => {
    if (isSendingStored || isInGrace || !isReachable || isMuted() || backlog.size === 0) return;
    isSendingStored = true;
    const refused = new Set<string>();
    for (let moments = forgotten(refused); moments.length > 0; moments = forgotten(refused)) {
      const { status } = await sending.send(merged(moments), { contentFormat: SENML_CBOR });
      const [first] = moments;
      if (status === 'sent') backlog.remove(moments);
      else if (status === 'refused' && first !== undefined) refused.add(prefixOf(first));
      else break;
    }
    isSendingStored = false;
  };

  const end = (): void => {
    isReachable = false;
    grace?.();
    observations.dropAll();
  };

  return {
    observations,
    sending,
    settingsChanged() {
      observations.reconsider();
      sending.resume();
      void sendStored();
    },
    suspend() {
      isReachable = false;
      grace?.();
      observations.suspend();
    },
    registered() {
      isReachable = true;
      provenAt = ports.monotonic();
      observations.registered();
      sending.registered();
      sending.resume();
      isInGrace = true;
      grace?.();
      grace = timers.after(GRACE_MS, () => {
        isInGrace = false;
        void sendStored();
      });
    },
    reached() {
      provenAt = ports.monotonic();
      if (isReachable) return;
      isReachable = true;
      observations.reached();
      sending.resume();
      void sendStored();
    },
    pause() {
      isReachable = false;
    },
    end,
    heard() {
      provenAt = ports.monotonic();
    },
    get stored() {
      return backlog.size;
    },
    get lost() {
      return backlog.lost;
    },
    stop() {
      end();
      sending.stop();
    },
  };
}
