/** The other side of a CoAP server: asks as fast as it is answered; or observes, and acknowledges what it hears. */
import { createSocket, type Socket } from 'node:dgram';
import { answerParent } from '../children.ts';
import type { Asked, ToAsk, ToObserve } from '../coap-loads.ts';

const HOST = '127.0.0.1';
const SOURCES = 64;
/** Requests under way at the same time, over all sources. */
const WINDOW = 64;
/** What got lost is replaced this often. */
const REFILL_MS = 100;
/** CON GET /time with a token of 4 bytes */
const GET = '44010000 0badcafe b4 74696d65';
/** CON GET /o, Observe: 0, with a token of 4 bytes */
const OBSERVE = '44010000 00000000 60 51 6f';

const fromHex = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function connect(port: number): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
  return new Promise((resolve) => socket.connect(port, HOST, () => resolve(socket)));
}

const connectAll = (port: number): Promise<Socket[]> =>
  Promise.all(Array.from({ length: SOURCES }, () => connect(port)));

/** Every source has its share of the window under way. */
async function ask({ port, ms }: ToAsk): Promise<Asked> {
  let answers = 0;
  const sockets = await connectAll(port);
  const refills = sockets.map((socket, source) => {
    const request = fromHex(GET);
    let mid = source * 1021;
    let heard = 0;
    let before = -1;
    const send = (): void => {
      request.writeUInt16BE(mid, 2);
      mid = (mid + 1) & 0xffff;
      socket.send(request);
    };
    socket.on('message', () => {
      answers++;
      heard++;
      send();
    });
    const refill = (): void => {
      if (heard === before) for (let slot = 0; slot < WINDOW / SOURCES; slot++) send();
      before = heard;
    };
    refill();
    before = -1;
    return setInterval(refill, REFILL_MS);
  });
  const started = performance.now();
  await wait(ms);
  const perSecond = (answers * 1000) / (performance.now() - started);
  for (const refill of refills) clearInterval(refill);
  for (const socket of sockets) socket.close();
  return { answers, perSecond };
}

let notifications = 0;

/** Registers one after the other from each source; goes on to hear and to acknowledge until the process ends. */
async function observe({ port, count }: ToObserve): Promise<void> {
  const sockets = await connectAll(port);
  let next = 0;
  let granted = 0;
  const registerNext = (socket: Socket): void => {
    if (next >= count) return;
    const request = fromHex(OBSERVE);
    request.writeUInt16BE(next & 0xffff, 2);
    request.writeUInt32BE(next++, 4);
    socket.send(request);
  };
  for (const socket of sockets) {
    socket.on('message', (bytes) => {
      const type = (bytes.readUInt8(0) >> 4) & 3;
      if (type === 2) {
        granted++;
        registerNext(socket);
        return;
      }
      notifications++;
      if (type === 0) socket.send(Buffer.from([0x60, 0, bytes.readUInt8(2), bytes.readUInt8(3)]));
    });
    registerNext(socket);
  }
  while (granted < count) await wait(10);
}

answerParent({ ask, observe, notifications: () => notifications });
// Between two questions nothing else keeps the process alive.
setInterval(() => {}, 1 << 30);
