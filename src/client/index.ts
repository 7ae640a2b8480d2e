/** client: LwM2M behaviour towards servers: registration, operations, observations. Knows no bytes and no CoAP. */
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
export type { Account, Session, SessionPorts, SessionStatus } from './session.ts';
export { createSession } from './session.ts';
