/** client: LwM2M behaviour towards servers: registration, operations, observations. Knows no bytes and no CoAP. */
export type {
  Accounts,
  BootstrapAccount,
  Credentials,
  Offer,
  Security,
  ServerAccount,
} from './accounts.ts';
export { OWN_OFFER, readAccounts } from './accounts.ts';
export type { BacklogLimits } from './backlog.ts';
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
export type { BootstrapStatus, Client, ClientPorts } from './client.ts';
export { createClient } from './client.ts';
export type { Configuration, Values } from './configuration.ts';
export { EMPTY, instancesOf, merge, without } from './configuration.ts';
export type {
  Alert,
  Answer,
  Fate,
  Mounts,
  ObserveResult,
  Operation,
  Refusing,
  Registration,
  Relation,
  Result,
  Service,
  Sink,
  Telling,
  Uplink,
} from './contract.ts';
export type { DraftResult } from './draft.ts';
export type { Journal, JournalRecord } from './journal.ts';
export { fitConfiguration, readConfiguration, writeConfiguration } from './remembered.ts';
export { rightsIn, withoutLeavers } from './rights.ts';
export type { SendOptions, SendResult } from './sending.ts';
export type { Account, Keeper, Session, SessionPorts, SessionStatus } from './session.ts';
export { createSession } from './session.ts';
