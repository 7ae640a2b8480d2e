import type { Clock, Timers } from '../base/index.ts';
import type { Resumption } from '../binding/index.ts';
import type { Keeper, ServerAccount } from '../client/index.ts';
import { type FileJournal, openJournal, openStateFile } from '../store/index.ts';
import { keepAssociation } from './kept-association.ts';
import { type DamageReport, loadMended } from './mended.ts';
import { createSaver, SAVE_MS } from './saver.ts';

/** What one session keeps on disk: notifications that wait, attributes, and what is left of an association. */
export interface SessionFiles {
  readonly journal: FileJournal;
  readonly attributes: Keeper;
  /** Of the association; what the last start left is in it once {@link recall} has settled. */
  readonly resumption: Resumption;
  /** To be called before a way to the server is opened; never rejects. */
  recall(): Promise<void>;
  /** The next start knows no attributes. */
  forget(): Promise<void>;
  /** @param goesOn the same server is spoken to by the next start: the session is to leave its association */
  leave(goesOn: boolean): void;
  /** After {@link leave}, and the end of the session. */
  close(): Promise<void>;
}

export interface SessionFilesPorts extends DamageReport {
  readonly clock: Clock;
  readonly timers: Timers;
}

export function openSessionFiles(
  folder: string,
  { security }: ServerAccount,
  ports: SessionFilesPorts,
): SessionFiles {
  const { clock, timers, log } = ports;
  const journal = openJournal({ folder: `${folder}/journal` }, { timers, log });
  const association = keepAssociation(openStateFile(`${folder}/association.json`), security.uri, ports);
  const resumption: Resumption = {};
  let recalled: Promise<void> | undefined;

  const file = openStateFile(`${folder}/attributes.json`);
  let attributes = (): unknown => undefined;
  let isForgotten = false;
  const saver = createSaver<unknown>({
    clock,
    timers,
    log,
    current: () => (isForgotten ? {} : attributes()),
    write: (document) => file.save(document),
  });

  const unusable = (error: unknown): void =>
    log.warn({ folder, problem: String(error) }, 'what is kept of an association cannot be used');
  const unkept = (error: unknown): void =>
    log.warn({ folder, problem: String(error) }, 'the association could not be kept');

  return {
    journal,
    resumption,
    attributes: {
      load() {
        const loaded = loadMended<unknown>(file, (document) => document, undefined, ports);
        attributes = () => loaded;
        saver.found(loaded);
        return loaded;
      },
      save(current) {
        attributes = current;
        saver.changed(SAVE_MS);
      },
    },
    recall() {
      recalled ??= association.take(resumption).catch(unusable);
      return recalled;
    },
    forget() {
      isForgotten = true;
      return saver.save();
    },
    leave(goesOn) {
      resumption.suspends = goesOn;
    },
    async close() {
      await Promise.all([journal.close(), saver.stop()]);
      if (resumption.suspends === true) await association.keep(resumption).catch(unkept);
    },
  };
}
