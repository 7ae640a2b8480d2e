/**
 * Whom bytes come from and go to. `key` is the identity (UDP: address and port; DTLS: session; TCP: connection);
 * address and port are for people. Objects may be made anew, so compare keys.
 */
export interface Peer {
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

/** What a transport tells its user. Neither may throw. */
export interface DatagramReceiver {
  /** One whole datagram. The bytes belong to the receiver. */
  onMessage(bytes: Uint8Array, peer: Peer): void;
  /** Something could not be sent or received: a hint (ICMP can be forged), never the end of the transport. */
  onError(error: Error, peer: Peer | undefined): void;
}

/** Carries whole datagrams; some get lost, doubled or overtaken. */
export interface DatagramTransport {
  /** Where it is bound here; 0 where ports mean nothing. */
  readonly localPort: number;
  /** Hands everything that arrives to `receiver`, instead of to the one before. Until then it is dropped. */
  receive(receiver: DatagramReceiver): void;
  /** Never throws: faults go to `onError`. The bytes must not be changed afterwards. */
  send(bytes: Uint8Array, peer: Peer): void;
  /** Nothing is sent or heard afterwards. Closing twice does nothing more. */
  close(): Promise<void>;
}

/** Hears nothing. */
export const deafReceiver: DatagramReceiver = { onMessage() {}, onError() {} };
