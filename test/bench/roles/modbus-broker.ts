/**
 * Where the peers of the Modbus bench publish: as little of an MQTT broker as they need, which finds values named
 * `p<address>` in JSON and in the line protocol of InfluxDB, and counts them. Arguments: start, name of the load.
 */
import { createServer, type Socket } from 'node:net';
import { answerParent } from '../children.ts';
import { loadOf } from '../modbus/loads.ts';
import { createWatcher } from '../modbus/watched.ts';

const [start = '0', name = ''] = process.argv.slice(2);
const wanted = new Set(loadOf(name).addresses);
const watcher = createWatcher(Number(start));

const PACKET = { connect: 1, publish: 3, subscribe: 8, unsubscribe: 10, ping: 12 } as const;
const MQTT_5 = 5;
const SESSION_QUESTION = 'v1/devices/me/rpc/request/';
const UNLIMITED = '0:0,';
const LIMITS = { messages: UNLIMITED, telemetryMessages: UNLIMITED, telemetryDataPoints: UNLIMITED };
const NO_LIMITS = {
  maxPayloadSize: 65_536,
  maxInflightMessages: 10_000,
  rateLimits: LIMITS,
  gatewayRateLimits: LIMITS,
};
const VALUES = /\bp(\d+)"?\s*[:=]\s*(-?\d+(?:\.\d+)?)/g;

function takeValues(payload: string): void {
  for (const [, address, value] of payload.matchAll(VALUES)) {
    if (wanted.has(Number(address))) watcher.take(Number(value));
  }
}

/** MQTT 5 has properties where 3.1.1 has none. */
interface Peer {
  readonly socket: Socket;
  hasProperties: boolean;
}

/** Behind the properties that begin at `at`. */
function skipProperties({ hasProperties }: Peer, body: Buffer, at: number): number {
  if (!hasProperties) return at;
  const [length, next] = numberAt(body, at) ?? [0, at];
  return next + length;
}

function publish(peer: Peer, flags: number, body: Buffer): void {
  const topicEnd = 2 + body.readUInt16BE(0);
  const isAcknowledged = ((flags >> 1) & 3) > 0;
  if (isAcknowledged) peer.socket.write(Buffer.from([0x40, 2, ...body.subarray(topicEnd, topicEnd + 2)]));
  const topic = body.toString('utf8', 2, topicEnd);
  if (topic.startsWith(SESSION_QUESTION)) answerSession(peer, topic);
  else takeValues(body.toString('utf8', skipProperties(peer, body, topicEnd + (isAcknowledged ? 2 : 0))));
}

/** ThingsBoard's gateway tells nothing before its platform has told it how much it may. */
function answerSession({ socket, hasProperties }: Peer, question: string): void {
  const topic = Buffer.from(question.replace('request', 'response'));
  const payload = Buffer.from(JSON.stringify(NO_LIMITS));
  const length = 2 + topic.length + Number(hasProperties) + payload.length;
  const head = [0x30, 128 | (length & 127), length >> 7, topic.length >> 8, topic.length & 255];
  socket.write(Buffer.concat([Buffer.from(head), topic, Buffer.alloc(Number(hasProperties)), payload]));
}

/** Grants every filter of a SUBSCRIBE, or lets go of every one of an UNSUBSCRIBE. */
function acknowledge(peer: Peer, head: number, body: Buffer, optionBytes: number): void {
  const granted: number[] = [];
  for (let at = skipProperties(peer, body, 2); at < body.length; granted.push(0))
    at += 2 + body.readUInt16BE(at) + optionBytes;
  const rest = [...body.subarray(0, 2), ...(peer.hasProperties ? [0] : []), ...granted];
  peer.socket.write(Buffer.from([head, rest.length, ...rest]));
}

function greet(peer: Peer, body: Buffer): void {
  peer.hasProperties = (body[2 + body.readUInt16BE(0)] ?? 0) >= MQTT_5;
  peer.socket.write(Buffer.from(peer.hasProperties ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]));
}

function take(peer: Peer, type: number, flags: number, body: Buffer): void {
  if (type === PACKET.publish) publish(peer, flags, body);
  else if (type === PACKET.connect) greet(peer, body);
  else if (type === PACKET.ping) peer.socket.write(Buffer.from([0xd0, 0]));
  else if (type === PACKET.subscribe) acknowledge(peer, 0x90, body, 1);
  else if (type === PACKET.unsubscribe) acknowledge(peer, 0xb0, body, 0);
}

/** A number of variable length (MQTT section 2.2.3 or 1.5.5), and what is behind it; undefined: more has to come. */
function numberAt(bytes: Buffer, from: number): readonly [value: number, next: number] | undefined {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 4; at++) {
    const byte = bytes[at] ?? 0;
    value += (byte & 127) * 128 ** (at - from);
    if (byte < 128) return [value, at + 1];
  }
  return undefined;
}

const server = createServer({ noDelay: true }, (socket) => {
  const peer: Peer = { socket, hasProperties: false };
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let found = numberAt(rest, 1); found !== undefined; found = numberAt(rest, 1)) {
      const [length, at] = found;
      if (rest.length < at + length) return;
      const head = rest[0] ?? 0;
      take(peer, head >> 4, head & 15, rest.subarray(at, at + length));
      rest = rest.subarray(at + length);
    }
  });
  socket.on('error', () => socket.destroy());
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const address = server.address();
answerParent({
  port: () => (typeof address === 'object' && address !== null ? address.port : 0),
  watch: watcher.watch,
});
