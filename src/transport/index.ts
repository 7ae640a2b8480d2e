/** transport: carries opaque bytes to and from peers, in datagrams or in streams. Never looks into them. */
export type { Lookup } from './resolve.ts';
export type { Connection, ConnectionReceiver, StreamTransport } from './stream.ts';
export type { TcpClientOptions, TcpServerOptions } from './tcp.ts';
export { openTcpClient, openTcpServer } from './tcp.ts';
export type { Certificates, PreSharedKey, TlsClientSecurity, TlsServerSecurity } from './tls.ts';
export type { TlsOffer } from './tls-offer.ts';
export { tlsGroups, tlsSignatures, tlsSuites } from './tls-offer.ts';
export type { Traffic } from './traffic.ts';
export type { DatagramReceiver, DatagramTransport, Peer } from './transport.ts';
export { deafReceiver } from './transport.ts';
export type { UdpClientOptions, UdpServerOptions } from './udp.ts';
export { openUdpClient, openUdpServer } from './udp.ts';
