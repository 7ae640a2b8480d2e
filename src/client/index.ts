/** client: LwM2M behaviour towards servers: registration, operations, observations. Knows no bytes and no CoAP. */
export type { Accounts, BootstrapAccount, Credentials, Security, ServerAccount } from './accounts.ts';
export { readAccounts } from './accounts.ts';
export type {
  Bootstrap,
  BootstrapPorts,
  Bootstrapped,
  BootstrapService,
  BootstrapTask,
  BootstrapUplink,
  Inconsistent,
  PackAnswer,
} from './bootstrap.ts';
export { startBootstrap } from './bootstrap.ts';
export type { Configuration } from './configuration.ts';
export { EMPTY, entriesOf, instancesOf, merge, valuesOf } from './configuration.ts';
export type {
  Answer,
  Mounts,
  ObserveResult,
  Operation,
  Refusing,
  Registration,
  Result,
  Service,
  Sink,
  Uplink,
} from './contract.ts';
export type { DraftResult } from './draft.ts';
export type { Account, Session, SessionPorts, SessionStatus } from './session.ts';
export { createSession } from './session.ts';
