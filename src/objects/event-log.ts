import type { ObjectDefinition } from '../model/index.ts';
import { DONE, type InstanceChange, type InstanceSetup, type Refused } from '../tree/index.ts';

/** Resource ids of object 20 (OMA registry, Event Log 2.1). */
const R = { logClass: 4010, start: 4011, stop: 4012, status: 4013, data: 4014, format: 4015 } as const;

/** 20/x/4010: what the log is about. */
const SYSTEM = 1;

/** 20/x/4015: a format of our own, which is a JSON array. */
const OWN_FORMAT = 0;

/** Bits of 20/x/4013. */
const STATUS = { isStopped: 1, hasData: 2 } as const;

/** What has happened, for people far away. */
export interface LogRecord {
  /** ms since 1970 */
  readonly at: number;
  readonly level: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface EventLog {
  readonly setup: InstanceSetup;
  add(record: LogRecord): void;
}

/** More than a page of text is for the log of the box itself. */
const MOST_BYTES = 8192;

/** Object 20 with one log of this gateway: warnings and errors, the oldest go first. */
export function createEventLog(definition: ObjectDefinition, changed: (resource: number) => void): EventLog {
  let isRunning = true;
  const lines: string[] = [];
  let bytes = 0;

  const drop = (): void => {
    lines.length = 0;
    bytes = 0;
  };

  const check = ({ values }: InstanceChange): Refused | undefined => {
    const format = values.get(R.format);
    const logClass = values.get(R.logClass);
    if (format !== undefined && format !== OWN_FORMAT)
      return { status: 'bad-request', message: `${OWN_FORMAT} (JSON of our own) is the only format` };
    if (logClass !== undefined && logClass !== SYSTEM)
      return { status: 'bad-request', message: `${SYSTEM} (system) is the only class` };
    return undefined;
  };

  return {
    setup: {
      definition,
      instance: 0,
      resources: [
        { id: R.logClass, value: SYSTEM },
        {
          id: R.start,
          execute: () => {
            drop();
            isRunning = true;
            changed(R.status);
            return DONE;
          },
        },
        {
          id: R.stop,
          execute: () => {
            isRunning = false;
            changed(R.status);
            return DONE;
          },
        },
        {
          id: R.status,
          compute: () => (isRunning ? 0 : STATUS.isStopped) | (lines.length > 0 ? STATUS.hasData : 0),
        },
        { id: R.data, compute: () => new Uint8Array(Buffer.from(`[${lines.join(',')}]`)) },
        { id: R.format, value: OWN_FORMAT },
      ],
      check,
    },
    add({ at, level, message, facts }) {
      if (!isRunning) return;
      const line = JSON.stringify({ time: new Date(at).toISOString(), level, message, ...facts });
      const size = Buffer.byteLength(line) + 1;
      if (size > MOST_BYTES) return;
      lines.push(line);
      bytes += size;
      while (bytes > MOST_BYTES) bytes -= Buffer.byteLength(lines.shift() ?? '') + 1;
      changed(R.data);
    },
  };
}
