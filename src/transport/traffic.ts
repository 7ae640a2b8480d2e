/**
 * Hears how much goes over the network, message by message, in bytes: datagrams with the headers of UDP and IP; what is
 * written to a connection, and read from it, without those of TLS, TCP and IP, as nobody tells how it was cut.
 */
export interface Traffic {
  sent(bytes: number): void;
  received(bytes: number): void;
}

const UDP_HEADER = 8;
const IP_HEADERS: Readonly<Record<string, number>> = { IPv4: 20, IPv6: 40 };

/** What a datagram takes beside its own bytes. */
export function datagramHeaders(family: string): number {
  return UDP_HEADER + (IP_HEADERS[family] ?? 0);
}
