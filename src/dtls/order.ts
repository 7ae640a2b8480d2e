import { protocolFault } from './fault.ts';

/** Whether a message stands in the handshake at hand. */
export type Presence = 'must' | 'may' | 'never';

/** A message of the server; each comes once at most. */
export interface Rule {
  readonly type: number;
  presence(): Presence;
}

/**
 * The place of the message that comes after the one at `position`; -1 before the first.
 * @param rules in their order
 * @throws GatewayError `dtls.protocol` when it may not come now
 */
export function placeOf<R extends Rule>(
  type: number,
  position: number,
  rules: readonly R[],
): readonly [at: number, rule: R] {
  for (const [at, rule] of rules.entries()) {
    if (at <= position) continue;
    const presence = rule.presence();
    if (rule.type === type && presence !== 'never') return [at, rule];
    if (presence === 'must') break;
  }
  throw protocolFault('unexpected_message', `handshake message ${type} out of place`);
}
