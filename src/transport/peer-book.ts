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

/** Address and port as people write them. */
export function placeName(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** @param limit peers remembered; beyond it one of those known long is forgotten, and made anew when it comes back */
export function createPeerBook(limit: number): PeerBook {
  /** By port, then by address: found without making a name, which takes longer than to find by it. */
  const ports = new Map<number, Map<string, Peer>>();
  let size = 0;

  const forgetOne = (): void => {
    for (const [port, peers] of ports) {
      for (const address of peers.keys()) {
        peers.delete(address);
        if (peers.size === 0) ports.delete(port);
        size--;
        return;
      }
    }
  };

  const enter = (raw: string, port: number): Peer => {
    if (size >= limit) forgetOne();
    const address = plainAddress(raw);
    const peer: Peer = { key: placeName(address, port), address, port };
    let peers = ports.get(port);
    if (peers === undefined) {
      peers = new Map();
      ports.set(port, peers);
    }
    peers.set(raw, peer);
    size++;
    return peer;
  };

  return {
    peer: (address, port) => ports.get(port)?.get(address) ?? enter(address, port),
  };
}
