/**
 * Servers that send everything back: a bare UDP socket, and DTLS for many clients. The handshake is that of the server
 * for tests; then records are sealed and opened by the record layer of the product with the sides exchanged, as a slow
 * server would hide how fast the client is.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { trafficKeys } from '../../../src/dtls/keys.ts';
import { createRecordLayer, type RecordLayer, recordAt } from '../../../src/dtls/records.ts';
import { SUITES } from '../../../src/dtls/suites.ts';
import { root, scene } from '../../dtls/scenes.ts';
import { createTestServer, type TestServer } from '../../dtls/server.ts';
import { answerParent } from '../children.ts';
import { usage } from '../usage.ts';

const NO_CID = Buffer.alloc(0);
const FIRST_SEQUENCE = 1; // 0 was Finished

async function bound(onMessage: (socket: Socket, bytes: Buffer, from: RemoteInfo) => void): Promise<number> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  socket.on('message', (bytes, from) => onMessage(socket, bytes, from));
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  return socket.address().port;
}

interface Client {
  readonly handshake: TestServer;
  records?: RecordLayer;
}

/** What the client writes, this reads, and the other way about. */
function exchanged({ master, randoms }: TestServer, suiteId: number): RecordLayer {
  const suite = SUITES.find(({ id }) => id === suiteId);
  if (suite === undefined) throw new RangeError(`no suite ${suiteId}`);
  const { client, server } = trafficKeys(suite, master(), randoms);
  const records = createRecordLayer();
  records.protect({
    suite,
    keys: { client: server, server: client },
    isEncryptThenMac: false,
    peerCid: NO_CID,
    ownCid: NO_CID,
    nextSequence: FIRST_SEQUENCE,
  });
  return records;
}

function serveDtls(way: string, suite: number): Promise<number> {
  const clients = new Map<number, Client>();
  const { server: options } = scene(way, { server: { suite } });
  return bound((socket, bytes, { port, address }) => {
    const isFirst = bytes.readUInt8(0) === 22 && bytes.readUInt8(13) === 1;
    const known = clients.get(port);
    const client: Client =
      known === undefined || (isFirst && known.records !== undefined)
        ? {
            handshake: createTestServer({
              ...options,
              send: (datagram) => socket.send(datagram, port, address),
            }),
          }
        : known;
    clients.set(port, client);
    const record = client.records && recordAt(bytes, 0, 0);
    const content = record && client.records?.read(record);
    if (client.records !== undefined) {
      if (content?.type === 23) socket.send(client.records.write(23, 1, content.bytes), port, address);
      return;
    }
    client.handshake.receive(bytes);
    if (client.handshake.isOpen()) client.records = exchanged(client.handshake, suite);
  });
}

answerParent({
  usage,
  plain: () => bound((socket, bytes, { port, address }) => socket.send(bytes, port, address)),
  /** Where the certificates come from. */
  root: () => root.der.toString('base64'),
  dtls: ({ way, suite }: { way: string; suite: number }) => serveDtls(way, suite),
});
