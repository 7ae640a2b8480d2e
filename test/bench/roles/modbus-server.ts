/**
 * The LwM2M server of the Modbus bench: registers the gateway, observes the meter object of every device, and counts
 * the values in the notifications. Arguments: start, name of the load.
 */
import { createSocket } from 'node:dgram';
import { Decoder } from 'cbor-x';
import { answerParent } from '../children.ts';
import { CODE, type Message, OPTION, pathOptions, readMessage, TYPE, writeMessage } from '../coap-bytes.ts';
import { loadOf, numbersOf } from '../modbus/loads.ts';
import { METER_OBJECT, prefixOf, RESOURCES } from '../modbus/site.ts';
import { createWatcher } from '../modbus/watched.ts';
import { createRegistrar } from '../registrar.ts';

const HOST = '127.0.0.1';
const SENML_CBOR = Buffer.from([112]);
const NONE = Buffer.alloc(0);
/** of SenML in CBOR (RFC 8428 6) */
const NAME = 0;
const VALUE = 2;
const ANSWER_CLASS = 2;
/** Observe requests sent at once, and when the next ones follow. */
const WINDOW = 100;
const REFILL_MS = 400;

const [start = '0', name = ''] = process.argv.slice(2);
const load = loadOf(name);
const factors = new Map(RESOURCES.map(({ resource, factor }) => [String(resource), factor]));
const watcher = createWatcher(Number(start));
const cbor = new Decoder({ mapsAsObjects: false });
const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
const registrar = createRegistrar(socket);
const observed = new Set<number>();
let lastMid = 0;

const wait = (ms: number): Promise<void> => new Promise((later) => setTimeout(later, ms));

/** The token of an observation is the number of its device. */
function takeContent({ token, payload }: Message): void {
  observed.add(token.readUInt16BE(0));
  for (const record of cbor.decode(payload) as ReadonlyMap<number, unknown>[]) {
    const factor = factors.get(String(record.get(NAME)));
    const value = record.get(VALUE);
    if (factor !== undefined && typeof value === 'number') watcher.take(value * factor);
  }
}

function observeOne(number: number, port: number): void {
  lastMid = (lastMid + 1) & 0xffff;
  const token = Buffer.alloc(2);
  token.writeUInt16BE(number);
  const options = [
    [OPTION.observe, NONE] as const,
    ...pathOptions(`${prefixOf(number)}/${METER_OBJECT}/0`),
    [OPTION.accept, SENML_CBOR] as const,
  ];
  socket.send(writeMessage(TYPE.confirmable, CODE.get, lastMid, token, options), port, HOST);
}

async function observe(): Promise<void> {
  const port = await registrar.registered;
  // By then all has been read once: nobody has to ask a line for the sake of an answer.
  await wait(load.intervalMs);
  const alive = numbersOf(load).filter((number) => !load.dead.includes(number));
  for (;;) {
    const missing = alive.filter((number) => !observed.has(number));
    if (missing.length === 0) return;
    for (const number of missing.slice(0, WINDOW)) observeOne(number, port);
    await wait(REFILL_MS);
  }
}

socket.on('message', (bytes, { port }) => {
  const message = readMessage(bytes);
  const { type, code, mid } = message;
  if (code >> 5 < ANSWER_CLASS) {
    registrar.take(message, port);
    return;
  }
  if (type === TYPE.confirmable) socket.send(writeMessage(TYPE.acknowledgement, 0, mid, NONE), port, HOST);
  // Without a value yet the gateway refuses; it is asked again.
  if (code === CODE.content) takeContent(message);
});
await new Promise<void>((bound) => socket.bind(0, HOST, bound));
answerParent({
  port: () => socket.address().port,
  observe,
  watch: watcher.watch,
});
