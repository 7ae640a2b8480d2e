import { type Logger, messageOf } from '../base/index.ts';

/** Calls what belongs to someone else, whose faults must not become ours. */
export type CallOut = (callback: () => void) => void;

export function createCallOut(log: Logger): CallOut {
  return (callback) => {
    try {
      callback();
    } catch (error) {
      log.error({ problem: messageOf(error) }, 'a callback failed');
    }
  };
}
