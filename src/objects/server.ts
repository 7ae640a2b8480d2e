import type { ObjectDefinition } from '../model/index.ts';
import { DONE, type InstanceSetup } from '../tree/index.ts';

/** What the Server object shows of one account. */
export interface ServerSettings {
  readonly shortServerId: number;
  readonly lifetimeS: number;
  /** Default Minimum and Maximum Period in s. */
  readonly pminS?: number;
  readonly pmaxS?: number;
  readonly notificationMode: 'non' | 'con';
}

/** Resource ids of object 1 that others need. */
export const SERVER_RESOURCES = {
  lifetime: 1,
  defaultPmin: 2,
  defaultPmax: 3,
  notificationMode: 26,
} as const;

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
      // Notifications that cannot be sent are not stored yet.
      { id: 6, value: false },
      { id: 7, value: 'U' },
      {
        id: 8,
        execute: () => {
          actions.updateRegistration(settings.shortServerId);
          return DONE;
        },
      },
      { id: SERVER_RESOURCES.notificationMode, value: settings.notificationMode === 'con' ? 1 : 0 },
    ],
  };
}
