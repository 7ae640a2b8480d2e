import type { ObjectDefinition } from '../model/index.ts';
import { DONE, type InstanceChange, type InstanceSetup, type Outcome } from '../tree/index.ts';

/** What the Server object shows of one account. */
export interface ServerSettings {
  readonly shortServerId: number;
  readonly lifetimeS: number;
  /** Default Minimum and Maximum Period in s. */
  readonly pminS?: number;
  readonly pmaxS?: number;
  readonly notificationMode: 'non' | 'con';
  /** Notification Storing When Disabled or Offline; absent: true. */
  readonly storing?: boolean;
  /** Mute Send; absent: nobody has said so yet, which mutes. */
  readonly muteSend?: boolean;
}

/** Resource ids of object 1 that others need. */
export const SERVER_RESOURCES = {
  shortServerId: 0,
  lifetime: 1,
  defaultPmin: 2,
  defaultPmax: 3,
  disable: 4,
  disableTimeout: 5,
  storing: 6,
  binding: 7,
  updateTrigger: 8,
  bootstrapTrigger: 9,
  alertCode: 11,
  lastBootstrapped: 12,
  priorityOrder: 13,
  initialDelay: 14,
  failureBlock: 15,
  bootstrapOnFailure: 16,
  retryCount: 17,
  retryTimer: 18,
  sequenceDelay: 19,
  sequenceRetryCount: 20,
  muteSend: 23,
  notificationMode: 26,
} as const;

/** Seconds as a resource may hold them; more would not fit what the CoAP layer and timers count with. */
const LONGEST_S = 2 ** 31 - 1;

const SECONDS: ReadonlySet<number> = new Set([
  SERVER_RESOURCES.lifetime,
  SERVER_RESOURCES.defaultPmin,
  SERVER_RESOURCES.defaultPmax,
]);

/** Refuses what would be acknowledged and then not happen. */
function check({ values }: InstanceChange): Outcome {
  for (const [id, value] of values) {
    if (SECONDS.has(id) && !(typeof value === 'number' && value >= 0 && value <= LONGEST_S)) {
      return { status: 'bad-request', message: `seconds from 0 to ${LONGEST_S}` };
    }
    if (id === SERVER_RESOURCES.notificationMode && value !== 0 && value !== 1)
      return { status: 'bad-request', message: '0 or 1' };
    if (id === BINDING && value !== 'U') return { status: 'bad-request', message: 'U is the only binding' };
  }
  return DONE;
}

const BINDING = 7;

/** Object 1, one instance per account (OMA Core 1.2 E.2). */
export function serverInstance(
  definition: ObjectDefinition,
  instance: number,
  settings: ServerSettings,
  actions: { readonly updateRegistration: (server: number) => void },
): InstanceSetup {
  return {
    definition,
    instance,
    resources: [
      { id: 0, value: settings.shortServerId },
      { id: SERVER_RESOURCES.lifetime, value: settings.lifetimeS },
      // Absent until somebody writes them.
      {
        id: SERVER_RESOURCES.defaultPmin,
        ...(settings.pminS === undefined ? {} : { value: settings.pminS }),
      },
      {
        id: SERVER_RESOURCES.defaultPmax,
        ...(settings.pmaxS === undefined ? {} : { value: settings.pmaxS }),
      },
      { id: SERVER_RESOURCES.storing, value: settings.storing ?? true },
      { id: BINDING, value: 'U' },
      {
        id: 8,
        execute: () => {
          actions.updateRegistration(settings.shortServerId);
          return DONE;
        },
      },
      {
        id: SERVER_RESOURCES.muteSend,
        ...(settings.muteSend === undefined ? {} : { value: settings.muteSend }),
      },
      { id: SERVER_RESOURCES.notificationMode, value: settings.notificationMode === 'con' ? 1 : 0 },
    ],
    write: check,
  };
}
