import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { GatewayError } from '../base/index.ts';
import {
  type Configuration,
  EMPTY,
  fitConfiguration,
  merge,
  readConfiguration,
  rightsIn,
  type Values,
  without,
  withoutLeavers,
  writeConfiguration,
} from '../client/index.ts';
import type {
  BootstrapConfig,
  CredentialsConfig,
  RegistrationConfig,
  ServerConfig,
} from '../config/index.ts';
import { type ObjectDefinition, transportOf } from '../model/index.ts';
import {
  ACCESS_CONTROL_OBJECT,
  accessControlValues,
  NO_SERVER,
  SECURITY_RESOURCES as SECURITY,
  SECURITY_MODES,
  SERVER_RESOURCES as SERVER,
  serverValues,
} from '../objects/index.ts';
import type { StateFile } from '../store/index.ts';
import type { ResourceValue } from '../tree/index.ts';
import type { Settings } from './shown.ts';

const NOTHING = new Uint8Array();

function securityValues(uri: string, more: readonly (readonly [number, ResourceValue])[]): Values {
  return new Map<number, ResourceValue>([
    [SECURITY.uri, uri],
    [SECURITY.isBootstrap, false],
    [SECURITY.mode, SECURITY_MODES.none],
    [SECURITY.identity, NOTHING],
    [SECURITY.serverPublicKey, NOTHING],
    [SECURITY.secretKey, NOTHING],
    ...more,
  ]);
}

/** Resources of the Server object, by what the files call them. */
const REGISTRATION: Readonly<Record<keyof RegistrationConfig, number>> = {
  priority: SERVER.priorityOrder,
  initialDelayS: SERVER.initialDelay,
  failureBlock: SERVER.failureBlock,
  bootstrapOnFailure: SERVER.bootstrapOnFailure,
  retryCount: SERVER.retryCount,
  retryTimerS: SERVER.retryTimer,
  sequenceDelayS: SERVER.sequenceDelay,
  sequenceRetryCount: SERVER.sequenceRetryCount,
};

function registrationValues(registration: RegistrationConfig): Values {
  const names = Object.keys(REGISTRATION) as (keyof RegistrationConfig)[];
  return new Map(
    names.flatMap((name) => {
      const value = registration[name];
      return value === undefined ? [] : [[REGISTRATION[name], value] as const];
    }),
  );
}

/** Trust anchor assertion: what the files name as authority, and no other. */
const TRUST_ANCHOR = 2;

/** The same in Object 0; PEM says all certificates of a file (OMA Transport 1.2.1 5.2.9.3). */
function credentialValues(
  credentials: CredentialsConfig | undefined,
): readonly (readonly [number, ResourceValue])[] {
  if (credentials === undefined) return [];
  if ('psk' in credentials) {
    const { identity, key } = credentials.psk;
    return [
      [SECURITY.mode, SECURITY_MODES.psk],
      [SECURITY.identity, Buffer.from(identity)],
      [SECURITY.secretKey, Buffer.from(key, 'hex')],
    ];
  }
  const key = createPrivateKey(credentials.privateKey);
  const secretKey = key.export({ format: 'der', type: 'pkcs8' });
  if ('serverPublicKey' in credentials) {
    const spki = { format: 'der', type: 'spki' } as const;
    return [
      [SECURITY.mode, SECURITY_MODES.rpk],
      [SECURITY.identity, createPublicKey(credentials.privateKey).export(spki)],
      [SECURITY.serverPublicKey, createPublicKey(credentials.serverPublicKey).export(spki)],
      [SECURITY.secretKey, secretKey],
    ];
  }
  const { ca, certificate, serverName } = credentials;
  return [
    [SECURITY.mode, SECURITY_MODES.certificate],
    [SECURITY.identity, Buffer.from(certificate)],
    [SECURITY.serverPublicKey, Buffer.from(ca)],
    [SECURITY.secretKey, secretKey],
    [SECURITY.certificateUsage, TRUST_ANCHOR],
    ...(serverName === undefined ? [] : [[SECURITY.sni, serverName] as const]),
  ];
}

function withServer(onto: Configuration, server: ServerConfig): Configuration {
  const { shortServerId, lifetimeS, notificationMode, storing, send, minPeriodS, maxPeriodS } = server;
  const security = securityValues(server.uri, [
    [SECURITY.shortServerId, shortServerId],
    ...credentialValues(server.credentials),
  ]);
  const values = serverValues({
    shortServerId,
    lifetimeS,
    notificationMode,
    storing,
    binding: transportOf(server.scheme),
    ...(minPeriodS === undefined ? {} : { pminS: minPeriodS }),
    ...(maxPeriodS === undefined ? {} : { pmaxS: maxPeriodS }),
    ...(send ? { muteSend: false } : {}),
  });
  const all = new Map([...values, ...registrationValues(server.registration)]);
  // Whatever servers come and go, the instances of the others stay what they are.
  const instance = shortServerId - 1;
  return merge(merge(onto, 0, instance, security), 1, instance, all);
}

/** Beyond that of any server. */
const BOOTSTRAP_INSTANCE = 65_534;

function withBootstrap(onto: Configuration, bootstrap: BootstrapConfig): Configuration {
  const { uri, holdOffS, accountTimeoutS } = bootstrap;
  const security = securityValues(uri, [
    [SECURITY.isBootstrap, true],
    [SECURITY.holdOff, holdOffS],
    [SECURITY.accountTimeout, accountTimeoutS],
    ...credentialValues(bootstrap.credentials),
  ]);
  return merge(onto, 0, BOOTSTRAP_INSTANCE, security);
}

/** The accounts that the files name: what a box knows before anybody has bootstrapped it. */
export function factoryConfiguration(
  servers: readonly ServerConfig[],
  bootstrap: BootstrapConfig | undefined,
): Configuration {
  const known = servers.reduce(withServer, EMPTY);
  return bootstrap === undefined ? known : withBootstrap(known, bootstrap);
}

/**
 * What is left of earlier settings with other files: accounts and rights are those of the files again. What servers keep
 * in objects stays, and what they own is still theirs.
 */
export function renewed(factory: Configuration, { configuration }: Settings): Settings {
  const owned = [...rightsIn(configuration)].filter(([, { owner }]) => owner !== NO_SERVER);
  const kept = [...configuration].filter(([object]) => object > ACCESS_CONTROL_OBJECT);
  const next = owned.reduce(
    (all, [id, control]) => merge(all, ACCESS_CONTROL_OBJECT, id, accessControlValues(control)),
    new Map([...kept, ...factory]) as Configuration,
  );
  return { configuration: withoutLeavers(next, configuration), hasRights: false };
}

/** What holds after a bootstrap has changed the configuration. */
export function adopted(next: Configuration, before: Settings): Settings {
  const [old, now] = [rightsIn(before.configuration), rightsIn(next)];
  const isWritten = [...now].some(([id, control]) => !isDeepStrictEqual(control, old.get(id)));
  return {
    configuration: withoutLeavers(next, before.configuration),
    hasRights: isWritten || (before.hasRights && now.size > 0),
  };
}

/** What servers make in a device ends with the process, and so does whose it was: it is another's who makes it next. */
function withoutMade(configuration: Configuration): Configuration {
  const made = [...rightsIn(configuration)].filter(([, { object }]) => object > ACCESS_CONTROL_OBJECT);
  return made.reduce((all, [id]) => without(all, ACCESS_CONTROL_OBJECT, id), configuration);
}

const SECURITY_OBJECT = 0;

/** In the state folder. */
export const ACCOUNTS_FILE = 'accounts.json';

const SCHEMA = 1;

/**
 * Settings that outlive the process. All of them are one document, so that no power cut leaves rights without what they
 * are about, or accounts without their rights.
 */
export interface RememberedSettings {
  /**
   * @param document of the file; undefined: there is none
   * @param factory the accounts of the files as they are now
   * @returns what holds with them, and whether that is what was saved
   * @throws GatewayError `store.*`, `client.*`
   */
  load(document: unknown, factory: Configuration): { readonly settings: Settings; readonly isSaved: boolean };
  save(settings: Settings, factory: Configuration): Promise<void>;
}

function digest(configuration: Configuration): string {
  return createHash('sha256')
    .update(JSON.stringify(writeConfiguration(configuration)))
    .digest('hex');
}

/**
 * @param definitions of all objects that can be remembered
 * @param withAccounts false: accounts are those of the files, and credentials are not written again
 */
export function rememberSettings(
  file: StateFile,
  definitions: ReadonlyMap<number, ObjectDefinition>,
  withAccounts: boolean,
): RememberedSettings {
  const withoutSecrets = (configuration: Configuration): Configuration =>
    new Map([...configuration].filter(([object]) => withAccounts || object !== SECURITY_OBJECT));
  return {
    load(document, factory) {
      if (document === undefined)
        return { settings: { configuration: factory, hasRights: false }, isSaved: true };
      const {
        schema,
        factory: of,
        accounts,
        hasRights,
      } = (document ?? {}) as Readonly<Record<string, unknown>>;
      if (schema !== SCHEMA)
        throw new GatewayError('client.bad-configuration', 'the remembered accounts are of another version');
      const read = fitConfiguration(readConfiguration(accounts), definitions);
      const configuration = withAccounts ? read : new Map([...factory, ...withoutMade(withoutSecrets(read))]);
      const settings = { configuration, hasRights: hasRights === true };
      if (of === digest(factory)) return { settings, isSaved: true };
      return { settings: renewed(factory, settings), isSaved: false };
    },
    save: ({ configuration, hasRights }, factory) =>
      file.save({
        schema: SCHEMA,
        factory: digest(factory),
        hasRights,
        accounts: writeConfiguration(withoutSecrets(configuration)),
      }),
  };
}
