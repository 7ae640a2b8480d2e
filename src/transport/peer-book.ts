import type { Peer } from './transport.ts';

/** Gives the same object for the same address and port, as long as it is remembered. */
export interface PeerBook {
  peer(address: string, port: number): Peer;
}

const MAPPED = '::ffff:';

/** IPv4-mapped IPv6 addresses are IPv4 (RFC 4291 2.5.5.2), so that one peer has one name on every socket. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

/** @param limit peers remembered; beyond it the one known longest is forgotten, and made anew when it comes back */
export function createPeerBook(limit: number): PeerBook {
  const peers = new Map<string, Peer>();
  /** Who was last heard from each port: found without making a name, which takes longer than to find by it. */
  const recent = new Map<number, { readonly raw: string; readonly peer: Peer }>();

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
      const last = recent.get(port);
      if (last !== undefined && last.raw === address) return last.peer;
      const name = `${address} ${port}`;
      const peer = peers.get(name) ?? enter(address, port, name);
      if (recent.size >= limit) recent.clear();
      recent.set(port, { raw: address, peer });
      return peer;
    },
  };
}
