import type { Peer } from './transport.ts';

/** Gives the same object for the same address and port, as long as it is remembered. */
export interface PeerBook {
  peer(address: string, port: number): Peer;
}

const MAPPED = '::ffff:';

/** IPv4-mapped IPv6 addresses are IPv4 (RFC 4291 2.5.5.2), so that one peer has one name on every socket. */
function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

/** @param limit peers remembered; beyond it the one known longest is forgotten, and made anew when it comes back */
export function createPeerBook(limit: number): PeerBook {
  const peers = new Map<string, Peer>();

  const enter = (raw: string, port: number, name: string): Peer => {
    const address = plainAddress(raw);
    const peer: Peer = {
      key: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      address,
      port,
    };
    if (peers.size >= limit) forgetOldest();
    peers.set(name, peer);
    return peer;
  };

  const forgetOldest = (): void => {
    for (const oldest of peers.keys()) {
      peers.delete(oldest);
      return;
    }
  };

  return {
    peer(address, port) {
      const name = `${address} ${port}`;
      return peers.get(name) ?? enter(address, port, name);
    },
  };
}
