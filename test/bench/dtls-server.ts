import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { trafficKeys } from '../../src/dtls/keys.ts';
import { createRecordLayer, type RecordLayer, recordAt } from '../../src/dtls/records.ts';
import { SUITES } from '../../src/dtls/suites.ts';
import { scene } from '../dtls/scenes.ts';
import { createTestServer, type TestServer } from '../dtls/server.ts';

/**
 * DTLS for many clients. The handshake is that of the server for tests; then records are sealed and opened by the
 * record layer of the product with the sides exchanged, as a slow server would hide how fast the client is.
 */

export interface Protected {
  /** how the two sides know each other: a name in `test/dtls/scenes.ts` */
  readonly way: string;
  /** number of the cipher suite */
  readonly suite: number;
  /** bytes of the connection id that the server wants to be addressed by; absent: none */
  readonly cidLength?: number;
  readonly psk?: Buffer;
}

/** What came from a client, and how it is answered. */
export type OnData = (bytes: Uint8Array, answer: (bytes: Uint8Array) => void, clientPort: number) => void;

const HOST = '127.0.0.1';
const NONE = Buffer.alloc(0);
const FIRST_SEQUENCE = 1; // 0 was Finished
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const APPLICATION_DATA = 23;
/** In a record of the handshake: behind the header of the record. */
const MESSAGE_TYPE_AT = 13;

interface Client {
  readonly handshake: TestServer;
  records?: RecordLayer;
}

/** @returns its port */
async function bound(onMessage: (socket: Socket, bytes: Buffer, from: RemoteInfo) => void): Promise<number> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('message', (bytes, from) => onMessage(socket, bytes, from));
  await new Promise<void>((done) => socket.bind(0, HOST, done));
  return socket.address().port;
}

/** The same without protection. @returns its port */
export function servePlain(onData: OnData): Promise<number> {
  return bound((socket, bytes, { port }) => onData(bytes, (answer) => socket.send(answer, port, HOST), port));
}

/** What the client writes, this reads, and the other way about. */
function exchanged({ master, randoms }: TestServer, suiteId: number, cid: Buffer): RecordLayer {
  const suite = SUITES.find(({ id }) => id === suiteId);
  if (suite === undefined) throw new RangeError(`no suite ${suiteId}`);
  const { client, server } = trafficKeys(suite, master(), randoms);
  const records = createRecordLayer();
  records.protect({
    suite,
    keys: { client: server, server: client },
    isEncryptThenMac: false,
    peerCid: NONE,
    ownCid: cid,
    nextSequence: FIRST_SEQUENCE,
  });
  return records;
}

/** @returns its port */
export function serveDtls({ way, suite, cidLength = 0, psk }: Protected, onData: OnData): Promise<number> {
  const cid = Buffer.alloc(cidLength, 0xc1);
  const { server: options } = scene(way, {
    server: { suite, ...(cidLength > 0 && { cid }), ...(psk && { psk }) },
  });
  const clients = new Map<number, Client>();
  return bound((socket, bytes, { port }) => {
    const send = (datagram: Uint8Array): void => socket.send(datagram, port, HOST);
    const isHello = bytes[0] === HANDSHAKE && bytes[MESSAGE_TYPE_AT] === CLIENT_HELLO;
    let client = clients.get(port);
    if (client === undefined || (isHello && client.records !== undefined)) {
      client = { handshake: createTestServer({ ...options, send }) };
      clients.set(port, client);
    }
    const { handshake, records } = client;
    if (records === undefined) {
      handshake.receive(bytes);
      if (handshake.isOpen()) client.records = exchanged(handshake, suite, cid);
      return;
    }
    const record = recordAt(bytes, 0, cidLength);
    const content = record && records.read(record);
    if (content?.type !== APPLICATION_DATA) return;
    onData(content.bytes, (answer) => send(records.write(APPLICATION_DATA, 1, answer)), port);
  });
}
