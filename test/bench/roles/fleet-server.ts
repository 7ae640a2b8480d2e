/**
 * The LwM2M server of the client bench: registers one client with however many devices, observes every resource of
 * every device, counts what it is told, and asks for things as fast as they are answered.
 */
import { createSocket } from 'node:dgram';
import { answerParent } from '../children.ts';
import { CODE, type Message, OPTION, pathOptions, readMessage, TYPE, writeMessage } from '../coap-bytes.ts';
import { prefixOf, RESOURCES } from '../fleet.ts';
import type { FleetWatched } from '../fleet-loads.ts';
import { createLoader } from '../loader.ts';
import type { Load } from '../loads.ts';
import { createRegistrar } from '../registrar.ts';

const HOST = '127.0.0.1';
/** Observe requests under way at the same time. */
const WINDOW = 64;
/** What got lost is asked again after so long. */
const REFILL_MS = 1000;
const TOKEN_LENGTH = 3;
const NONE = Buffer.alloc(0);

const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
const loader = createLoader(socket);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const registrar = createRegistrar(socket);
let gatewayPort = 0;

// ---- observations

let total = 0;
let granted = new Uint8Array(0);
let toldIn = new Uint32Array(0);
let answered = 0;
let notifications = 0;
let bytesHeard = 0;
let next = 0;

function pathOf(index: number): string {
  const device = Math.floor(index / RESOURCES.length) + 1;
  return `${prefixOf(device)}/10242/0/${RESOURCES[index % RESOURCES.length]}`;
}

function observeOne(index: number): void {
  const token = Buffer.alloc(TOKEN_LENGTH);
  token.writeUIntBE(index, 0, TOKEN_LENGTH);
  const options = [
    [OPTION.observe, NONE] as const,
    ...pathOptions(pathOf(index)),
    [OPTION.accept, NONE] as const,
  ];
  socket.send(writeMessage(TYPE.confirmable, CODE.get, index & 0xffff, token, options), gatewayPort, HOST);
}

/** @returns how long it took, in ms */
async function observe(devices: number): Promise<number> {
  total = devices * RESOURCES.length;
  granted = new Uint8Array(total);
  toldIn = new Uint32Array(total);
  const started = performance.now();
  const sendNext = (): void => {
    while (next < total && granted[next] === 1) next++;
    if (next < total) observeOne(next++);
  };
  whenGranted = sendNext;
  for (let before = -1; answered < total; ) {
    if (before === answered) next = 0;
    if (before === answered || before < 0) for (let slot = 0; slot < WINDOW; slot++) sendNext();
    before = answered;
    for (let waited = 0; waited < REFILL_MS && answered < total; waited += 10) await wait(10);
  }
  return performance.now() - started;
}
let whenGranted = (): void => {};

function takeContent(message: Message): void {
  const { type, token, mid, payload } = message;
  const index = token.readUIntBE(0, TOKEN_LENGTH);
  if (type === TYPE.acknowledgement) {
    if (granted[index] === 0) answered++;
    granted[index] = 1;
    whenGranted();
    return;
  }
  notifications++;
  bytesHeard += payload.length;
  toldIn[index] = (toldIn[index] ?? 0) + 1;
  if (type === TYPE.confirmable)
    socket.send(writeMessage(TYPE.acknowledgement, 0, mid, NONE), gatewayPort, HOST);
}

/** Counts for some time what is told. */
async function watch(ms: number): Promise<FleetWatched> {
  toldIn.fill(0);
  notifications = 0;
  bytesHeard = 0;
  const started = performance.now();
  await wait(ms);
  const seconds = (performance.now() - started) / 1000;
  const silent = toldIn.reduce((sum, told) => sum + Number(told === 0), 0);
  return { seconds, notifications, silent, bytes: bytesHeard };
}

// ---- what arrives

const ANSWER_CLASS = 2;

socket.on('message', (bytes, from) => {
  if (loader.hear(bytes, from.port)) return;
  const message = readMessage(bytes);
  if (message.code >> 5 < ANSWER_CLASS) registrar.take(message, from.port);
  else if (message.code === CODE.content && message.token.length === TOKEN_LENGTH) takeContent(message);
});
await new Promise<void>((bound) => socket.bind(0, HOST, bound));

answerParent({
  port: () => socket.address().port,
  registered: async () => {
    gatewayPort = await registrar.registered;
    return true;
  },
  observe,
  watch,
  load: async (load: Load) => loader.run(await registrar.registered, load),
});
