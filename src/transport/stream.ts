import type { Peer } from './transport.ts';

/** What a connection tells its user. Neither may throw. */
export interface ConnectionReceiver {
  /** Some bytes, in order and cut anywhere. They belong to the receiver. */
  onBytes(bytes: Uint8Array): void;
  /** After a write that found no room: there is room again. */
  onRoom(): void;
  /** It is over, once and for good. Without an error somebody has closed it as it should be. */
  onClosed(error: Error | undefined): void;
}

/** Bytes in order to one peer and back, until it is closed. */
export interface Connection {
  /** The key names this connection, not only its peer: after a reconnect there is another one. */
  readonly peer: Peer;
  /** Hands everything that arrives to `receiver`, never before it returns; until then nothing is read. */
  receive(receiver: ConnectionReceiver): void;
  /**
   * Never throws; goes nowhere once the connection is over. The bytes must not be changed afterwards.
   * @returns whether there is room for more. Whoever goes on without waits in memory, and is cut off beyond a limit.
   */
  write(bytes: Uint8Array): boolean;
  /** Stops reading, so that the peer has to wait, or goes on. */
  pause(isPaused: boolean): void;
  /** Sends what waits, then closes; soon in any case. */
  end(): void;
  /** Closes at once. */
  destroy(error?: Error): void;
}

/** Makes connections: the one to a server, or those that clients open. */
export interface StreamTransport {
  /** Where it is bound here; 0 where ports mean nothing. */
  readonly localPort: number;
  /** Hands every connection to `listener`, those that wait already included. */
  accept(listener: (connection: Connection) => void): void;
  /** Takes no more connections, and ends those that there are. Closing twice does nothing more. */
  close(): Promise<void>;
}

/** Hears nothing. */
export const deafConnection: ConnectionReceiver = { onBytes() {}, onRoom() {}, onClosed() {} };
