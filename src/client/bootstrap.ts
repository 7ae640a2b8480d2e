import { type Logger, messageOf, type Timers } from '../base/index.ts';
import type { Entry, ObjectDefinition, Release } from '../model/index.ts';
import type { BootstrapAccount, Security } from './accounts.ts';
import type { Configuration } from './configuration.ts';
import type { Answer, Refusing } from './contract.ts';
import { createDraft, type Draft, type DraftPorts, type DraftResult } from './draft.ts';

/** What a binding serves to a Bootstrap-Server (OMA Core 1.2.2 6.1.7). */
export interface BootstrapService extends Pick<Draft, 'discover' | 'read' | 'write' | 'remove'> {
  /** The server says that it is done. */
  finish(): DraftResult | Inconsistent;
  readonly configurable: ReadonlyMap<number, ObjectDefinition>;
  readonly release: Release;
}

/** What was set makes no sense: the server may mend it and finish again (OMA Core 1.2.2 6.1.7.7). */
export interface Inconsistent {
  readonly status: 'inconsistent';
  readonly message: string;
}

/** A Bootstrap-Pack, or what came instead. */
export type PackAnswer =
  | { readonly status: 'pack'; readonly entries: readonly Entry[] }
  | { readonly status: 'unreadable'; readonly message: string }
  | Answer;

/** The way to a Bootstrap-Server. No call ever rejects; each settles by its own deadline. */
export interface BootstrapUplink {
  request(endpoint: string): Promise<Answer>;
  requestPack(endpoint: string): Promise<PackAnswer>;
  close(): Promise<void>;
}

export interface BootstrapPorts extends DraftPorts {
  readonly timers: Timers;
  readonly log: Logger;
  openUplink(security: Security, service: BootstrapService): Promise<BootstrapUplink>;
}

export interface BootstrapTask {
  readonly endpoint: string;
  readonly account: BootstrapAccount;
  readonly configuration: Configuration;
  /** Whether to ask for everything at once first (OMA Core 1.2.2 6.1.8). */
  readonly triesPack: boolean;
  /** Whether to wait for what the account says before the first request; not when a server asked for it. */
  readonly holdsOff: boolean;
}

export type Bootstrapped =
  | { readonly status: 'done'; readonly configuration: Configuration }
  | { readonly status: 'failed'; readonly message: string };

/** A conversation that goes on. */
export interface Bootstrap {
  readonly outcome: Promise<Bootstrapped>;
  /** Ends it as failed. */
  stop(): void;
}

/** EXCHANGE_LIFETIME (RFC 7252 4.8.2): a server that has said nothing for this long has gone away. */
const SILENCE_MS = 247_000;

/** The answer to Finish may get lost; the server then asks again, and gets the same one. */
const LINGER_MS = 10_000;

const failed = (message: string): Bootstrapped => ({ status: 'failed', message });

function problemOf(answer: Exclude<PackAnswer, { status: 'pack' }>): string {
  if (answer.status === 'refused') return `the Bootstrap-Server answered ${answer.code}`;
  return 'message' in answer ? answer.message : `the Bootstrap-Server answered ${answer.status}`;
}

/**
 * One bootstrap from hold-off to Finish. What the server sets is a draft until it finishes and the whole makes sense;
 * whatever goes wrong before leaves everything as it was.
 */
export function startBootstrap(task: BootstrapTask, ports: BootstrapPorts): Bootstrap {
  const { endpoint, account, configuration } = task;
  const { timers, log } = ports;
  const draft = createDraft(configuration, ports);
  let end: (outcome: Bootstrapped) => void = () => {};
  const ended = new Promise<Bootstrapped>((resolve) => {
    end = resolve;
  });
  let isOpen = false;
  let cancelSilence = (): void => {};

  const heard = (): void => {
    cancelSilence();
    cancelSilence = timers.after(SILENCE_MS, () =>
      end(failed('the Bootstrap-Server fell silent before it finished')),
    );
  };

  const finish = (): DraftResult | Inconsistent => {
    const faults = draft.faults();
    if (faults.length > 0) {
      log.warn({ faults }, 'what the Bootstrap-Server has set makes no sense');
      return { status: 'inconsistent', message: faults.join('; ') };
    }
    end({ status: 'done', configuration: draft.configuration });
    return { status: 'changed' };
  };

  /** Commands count only between request and end. */
  const command = <Given extends unknown[], Outcome>(perform: (...given: Given) => Outcome) => {
    return (...given: Given): Outcome | Refusing => {
      if (!isOpen) return { status: 'not-allowed', message: 'no bootstrap was asked for' };
      heard();
      return perform(...given);
    };
  };

  const service: BootstrapService = {
    discover: command(draft.discover),
    read: command(draft.read),
    write: command(draft.write),
    remove: command(draft.remove),
    finish: command(finish),
    configurable: ports.configurable,
    release: ports.release,
  };

  const takePack = async (uplink: BootstrapUplink): Promise<Bootstrapped | undefined> => {
    const answer = await uplink.requestPack(endpoint);
    if (answer.status !== 'pack') {
      log.info({ problem: problemOf(answer) }, 'no Bootstrap-Pack; going on without');
      return undefined;
    }
    const fromPack = createDraft(configuration, ports);
    const result = fromPack.replace(answer.entries);
    const faults = fromPack.faults();
    if (result.status === 'changed' && faults.length === 0)
      return { status: 'done', configuration: fromPack.configuration };
    log.warn({ faults, result: result.status }, 'the Bootstrap-Pack makes no sense; going on without');
    return undefined;
  };

  const converse = async (uplink: BootstrapUplink): Promise<void> => {
    const fromPack = task.triesPack ? await takePack(uplink) : undefined;
    if (fromPack !== undefined) {
      end(fromPack);
      return;
    }
    isOpen = true;
    const answer = await uplink.request(endpoint);
    if (answer.status === 'ok') heard();
    else end(failed(problemOf(answer)));
  };

  const run = async (): Promise<Bootstrapped> => {
    if (task.holdsOff && account.holdOffMs > 0) {
      const held = new Promise<undefined>((resolve) =>
        timers.after(account.holdOffMs, () => resolve(undefined)),
      );
      const stopped = await Promise.race([ended, held]);
      if (stopped !== undefined) return stopped;
    }
    let uplink: BootstrapUplink;
    try {
      uplink = await ports.openUplink(account.security, service);
    } catch (error) {
      return failed(messageOf(error));
    }
    void converse(uplink);
    const outcome = await ended;
    cancelSilence();
    if (outcome.status === 'done') timers.after(LINGER_MS, () => void uplink.close());
    else await uplink.close();
    return outcome;
  };

  return { outcome: run(), stop: () => end(failed('stopped')) };
}
