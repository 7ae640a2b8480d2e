/** DTLS in front of a server that has none: what each client says comes to the server from a port of its own. */
import { createSocket, type Socket } from 'node:dgram';
import { answerParent } from '../children.ts';
import { FRONT_PSK } from '../dtls-loads.ts';
import { serveDtls } from '../dtls-server.ts';

const HOST = '127.0.0.1';
const CCM_8 = 0xc0a8;
const serverPort = Number(process.argv[2]);
const toServer = new Map<number, Socket>();

const port = await serveDtls(
  { way: 'psk', suite: CCM_8, psk: Buffer.from(FRONT_PSK, 'hex') },
  (bytes, answer, clientPort) => {
    let socket = toServer.get(clientPort);
    if (socket === undefined) {
      socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 }).on('message', answer);
      toServer.set(clientPort, socket);
    }
    socket.send(bytes, serverPort, HOST);
  },
);

answerParent({ port: () => port });
