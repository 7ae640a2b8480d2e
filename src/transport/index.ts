/** transport: carries opaque datagrams to and from peers. Never looks into them. */
export type { Lookup } from './resolve.ts';
export type { DatagramReceiver, DatagramTransport, Peer } from './transport.ts';
export type { UdpClientOptions, UdpServerOptions } from './udp.ts';
export { openUdpClient, openUdpServer } from './udp.ts';
