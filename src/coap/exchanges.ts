import { GatewayError, type Timers } from '../base/index.ts';
import type { Peer } from '../transport/index.ts';
import { type AnswerPart, readAnswer } from './answer.ts';
import type { Expectation, Expectations } from './expectations.ts';
import type { Delivery, Link, Outcome, Transmission } from './link.ts';
import { EMPTY_MESSAGE, type MessageToSend } from './message.ts';

/** How one message is asked. */
export interface ExchangePolicy {
  readonly confirmable: boolean;
  /** The response must be there in this time, whatever is acknowledged. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** One request message, one response message. */
export interface Exchanges {
  /**
   * @param expectation whose token to use; without one there is a new token that ends with the response
   * @param isPassedOver responses that are taken, but are not the answer
   * @throws GatewayError `coap.timeout`, `coap.unsent`, `coap.transport`, `coap.reset`, `coap.overloaded`,
   *   `coap.closed`, `coap.aborted`, `coap.protocol`
   */
  ask(
    peer: Peer,
    message: Omit<MessageToSend, 'token'>,
    policy: ExchangePolicy,
    expectation?: Expectation,
    isPassedOver?: (answer: AnswerPart) => boolean,
  ): Promise<AnswerPart>;
  /** An empty confirmable message, which whoever is there rejects (RFC 7252 4.3). @throws as `ask` */
  ping(peer: Peer, timeoutMs: number): Promise<void>;
  /** Ends all as `coap.closed`. */
  close(): void;
}

type Failure = Exclude<Outcome, 'acknowledged'> | 'aborted' | 'protocol';

const FAILURES: Readonly<Record<Failure, readonly [code: string, message: string]>> = {
  timeout: ['coap.timeout', 'no answer in time'],
  unsent: ['coap.unsent', 'never sent: the peer did not answer what was before it in time'],
  unreachable: ['coap.transport', 'no answer, and the transport reports an error'],
  reset: ['coap.reset', 'the peer rejects the message'],
  overloaded: ['coap.overloaded', 'too many requests wait for this peer'],
  closed: ['coap.closed', 'the endpoint is closed'],
  aborted: ['coap.aborted', 'the request was given up'],
  protocol: ['coap.protocol', 'the response has a critical option that is unknown'],
};

function failureOf(failure: Failure, peer: Peer, cause?: unknown): GatewayError {
  const [code, message] = FAILURES[failure];
  return new GatewayError(code, `${peer.key}: ${message}`, { cause });
}

const never = (): boolean => false;

/** Whether the peer may have seen what was not answered. */
function lateness(transmission: Transmission | undefined): 'timeout' | 'unsent' {
  return transmission?.hasBegun === false ? 'unsent' : 'timeout';
}

export function createExchanges(link: Link, expectations: Expectations, timers: Timers): Exchanges {
  /** how to end those that are under way */
  const open = new Set<(failure: Failure) => void>();
  let isClosed = false;

  const ask: Exchanges['ask'] = (peer, message, policy, given, isPassedOver = never) =>
    new Promise((resolve, reject) => {
      const { signal } = policy;
      if (isClosed || signal?.aborted === true) {
        reject(failureOf(isClosed ? 'closed' : 'aborted', peer));
        return;
      }
      const expectation = given ?? expectations.expect(peer, never);
      const takeOthers = expectation.take;
      let transmission: Transmission | undefined;

      const end = (): void => {
        open.delete(fail);
        stopTimer();
        signal?.removeEventListener('abort', onAbort);
        if (transmission !== undefined) link.withdraw(transmission);
        if (given === undefined) expectations.forget(expectation);
        else given.take = takeOthers;
      };
      const fail = (failure: Failure, cause?: unknown): void => {
        // A message that was not confirmable may be rejected when its answer is long there.
        if (!open.has(fail)) return;
        end();
        reject(failureOf(failure, peer, cause));
      };
      const onAbort = (): void => fail('aborted', signal?.reason);
      const stopTimer = timers.after(policy.timeoutMs, () => fail(lateness(transmission)));

      expectation.take = (response) => {
        const answer = readAnswer(response);
        if (answer === undefined) {
          fail('protocol');
          return false;
        }
        if (isPassedOver(answer)) return true;
        end();
        resolve(answer);
        return true;
      };
      open.add(fail);
      signal?.addEventListener('abort', onAbort);
      const delivery: Delivery = {
        message: { ...message, token: expectation.token },
        settled(outcome, cause) {
          transmission = undefined;
          if (outcome !== 'acknowledged') fail(outcome, cause);
        },
      };
      transmission = link.send(peer, delivery, policy.confirmable);
    });

  const ping: Exchanges['ping'] = (peer, timeoutMs) =>
    new Promise((resolve, reject) => {
      const settled = (outcome: Outcome, cause?: Error): void => {
        stopTimer();
        // The reset is the pong; an acknowledgement is odd, but someone is there.
        if (outcome === 'reset' || outcome === 'acknowledged') resolve();
        else reject(failureOf(outcome, peer, cause));
      };
      const stopTimer = timers.after(timeoutMs, () => {
        if (transmission !== undefined) link.withdraw(transmission);
        settled(lateness(transmission));
      });
      const transmission = link.send(peer, { message: EMPTY_MESSAGE, settled }, true);
    });

  return {
    ask,
    ping,
    close() {
      isClosed = true;
      for (const fail of open) fail('closed');
    },
  };
}
