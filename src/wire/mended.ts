import { isGatewayError, type Logger, messageOf } from '../base/index.ts';
import type { StateFile } from '../store/index.ts';

/** Hears of state files that were damaged. */
export interface DamageReport {
  readonly log: Logger;
  damaged(): void;
}

/**
 * What a state file says. One that is damaged is set aside and counted, and the box goes on with `otherwise`: nobody
 * drives out to it.
 * @param read may throw a GatewayError, as the file may: then it is damaged
 */
export function loadMended<State>(
  file: StateFile,
  read: (document: unknown) => State,
  otherwise: State,
  { log, damaged }: DamageReport,
): State {
  try {
    return read(file.load());
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    log.error({ code: error.code, problem: messageOf(error) }, 'a state file is damaged, and was set aside');
    damaged();
    file.setAside();
    return otherwise;
  }
}
