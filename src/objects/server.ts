import type { ObjectDefinition, TransportLetter } from '../model/index.ts';
import {
  DONE,
  type InstanceChange,
  type InstanceSetup,
  type Outcome,
  type Refused,
  type ResourceValue,
} from '../tree/index.ts';

/** What the Server object shows of one account. */
export interface ServerSettings {
  readonly shortServerId: number;
  readonly lifetimeS: number;
  /** Default Minimum and Maximum Period in s. */
  readonly pminS?: number;
  readonly pmaxS?: number;
  readonly notificationMode: 'non' | 'con';
  /** The letter of what carries CoAP; absent: U. */
  readonly binding?: TransportLetter;
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
  preferredTransport: 22,
  muteSend: 23,
  notificationMode: 26,
} as const;

/** Seconds as a resource may hold them; more would not fit what the CoAP layer and timers count with. */
const LONGEST_S = 2 ** 31 - 1;

const SECONDS: ReadonlySet<number> = new Set([
  SERVER_RESOURCES.lifetime,
  SERVER_RESOURCES.defaultPmin,
  SERVER_RESOURCES.defaultPmax,
  SERVER_RESOURCES.disableTimeout,
]);

/** Refuses what would be acknowledged and then not happen. */
const checking =
  (binding: ResourceValue | undefined) =>
  ({ values }: InstanceChange): Refused | undefined => {
    for (const [id, value] of values) {
      if (SECONDS.has(id) && !(typeof value === 'number' && value >= 0 && value <= LONGEST_S)) {
        return { status: 'bad-request', message: `seconds from 0 to ${LONGEST_S}` };
      }
      if (id === SERVER_RESOURCES.notificationMode && value !== 0 && value !== 1)
        return { status: 'bad-request', message: '0 or 1' };
      // It says what carries CoAP, which is not for a server to choose yet.
      if (id === SERVER_RESOURCES.binding && value !== binding)
        return { status: 'bad-request', message: `${String(binding)} is the only binding here` };
    }
    return undefined;
  };

/** The values of object 1 that say this. */
export function serverValues(settings: ServerSettings): ReadonlyMap<number, ResourceValue> {
  const optional = [
    [SERVER_RESOURCES.defaultPmin, settings.pminS],
    [SERVER_RESOURCES.defaultPmax, settings.pmaxS],
    [SERVER_RESOURCES.muteSend, settings.muteSend],
  ] as const;
  return new Map<number, ResourceValue>([
    [SERVER_RESOURCES.shortServerId, settings.shortServerId],
    [SERVER_RESOURCES.lifetime, settings.lifetimeS],
    ...optional.flatMap(([id, value]) => (value === undefined ? [] : [[id, value] as const])),
    [SERVER_RESOURCES.storing, settings.storing ?? true],
    [SERVER_RESOURCES.binding, settings.binding ?? 'U'],
    [SERVER_RESOURCES.notificationMode, settings.notificationMode === 'con' ? 1 : 0],
  ]);
}

/** What a server can have done by Execute. Each happens after the answer. */
export interface ServerActions {
  updateRegistration(): void;
  /** For as long as {@link SERVER_RESOURCES.disableTimeout} says. */
  disable(): void;
  /** False: there is no Bootstrap-Server. */
  requestBootstrap(): boolean;
}

/** Values that a server may see, and write where the object says so; other resources of the object mean nothing here. */
const SHOWN: readonly number[] = [
  SERVER_RESOURCES.shortServerId,
  SERVER_RESOURCES.lifetime,
  SERVER_RESOURCES.defaultPmin,
  SERVER_RESOURCES.defaultPmax,
  SERVER_RESOURCES.disableTimeout,
  SERVER_RESOURCES.storing,
  SERVER_RESOURCES.binding,
  SERVER_RESOURCES.alertCode,
  SERVER_RESOURCES.lastBootstrapped,
  SERVER_RESOURCES.priorityOrder,
  SERVER_RESOURCES.initialDelay,
  SERVER_RESOURCES.failureBlock,
  SERVER_RESOURCES.bootstrapOnFailure,
  SERVER_RESOURCES.retryCount,
  SERVER_RESOURCES.retryTimer,
  SERVER_RESOURCES.sequenceDelay,
  SERVER_RESOURCES.sequenceRetryCount,
  SERVER_RESOURCES.muteSend,
  SERVER_RESOURCES.notificationMode,
];

/** True if an instance of object 1 shows the resource, once it has a value. */
export function isShownOfServer(resource: number): boolean {
  return SHOWN.includes(resource);
}

/**
 * Object 1, one instance per account (OMA Core 1.2 E.2).
 * @param values what is absent is there once somebody writes it
 */
export function serverInstance(
  definition: ObjectDefinition,
  instance: number,
  values: ReadonlyMap<number, ResourceValue>,
  actions: ServerActions,
): InstanceSetup {
  const done = (act: () => void) => (): Outcome => {
    act();
    return DONE;
  };
  const requestBootstrap = (): Outcome =>
    actions.requestBootstrap() ? DONE : { status: 'not-allowed', message: 'there is no Bootstrap-Server' };
  return {
    definition,
    instance,
    resources: [
      ...SHOWN.map((id) => {
        const value = values.get(id);
        return value === undefined ? { id } : { id, value };
      }),
      { id: SERVER_RESOURCES.disable, execute: done(actions.disable) },
      { id: SERVER_RESOURCES.updateTrigger, execute: done(actions.updateRegistration) },
      { id: SERVER_RESOURCES.bootstrapTrigger, execute: requestBootstrap },
    ],
    check: checking(values.get(SERVER_RESOURCES.binding)),
  };
}
