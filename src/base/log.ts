import { pino } from 'pino';

/** What the rooms need of a logger: facts first, then one line of text. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  child(facts: object): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on standard error, so that standard output stays for what a command prints. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** A logger that also tells `hear` what goes wrong: warnings and errors, with the facts of the child that says it. */
export function overheard(
  log: Logger,
  hear: (level: 'warn' | 'error', facts: Readonly<Record<string, unknown>>, message: string) => void,
  known: object = {},
): Logger {
  return {
    debug: (facts, message) => log.debug(facts, message),
    info: (facts, message) => log.info(facts, message),
    warn(facts, message) {
      log.warn(facts, message);
      hear('warn', { ...known, ...facts }, message);
    },
    error(facts, message) {
      log.error(facts, message);
      hear('error', { ...known, ...facts }, message);
    },
    child: (facts) => overheard(log.child(facts), hear, { ...known, ...facts }),
  };
}
