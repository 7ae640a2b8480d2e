/**
 * The LwM2M server of the Modbus bench: registers the gateway, observes the meter object of every device, and counts
 * the values in the notifications. Arguments: start, name of the load.
 */
import { createSocket } from 'node:dgram';
import { Decoder } from 'cbor-x';
import { answerParent } from '../children.ts';
import { CODE, type Message, OPTION, pathOptions, readMessage, TYPE, writeMessage } from '../coap-bytes.ts';
import { LOADS, type ModbusLoad, numbersOf } from '../modbus/loads.ts';
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
/** Observe requests sent at once, and when those are looked after that got lost. */
const WINDOW = 50;
const REFILL_MS = 100;

const [start = '0', name = ''] = process.argv.slice(2);
const load = LOADS.find((one) => one.name === name) as ModbusLoad;
const factors = new Map(RESOURCES.map(({ resource, factor }) => [String(resource), factor]));
const watcher = createWatcher(Number(start));
const cbor = new Decoder({ mapsAsObjects: false });
const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 22 });
const registrar = createRegistrar(socket);
const observed = new Set<number>();

/** The token of an observation is the number of its device. */
function takeContent({ token, payload, type, mid }: Message, port: number): void {
  observed.add(token.readUInt16BE(0));
  if (type === TYPE.confirmable) socket.send(writeMessage(TYPE.acknowledgement, 0, mid, NONE), port, HOST);
  if (payload.length === 0) return;
  for (const record of cbor.decode(payload) as ReadonlyMap<number, unknown>[]) {
    const factor = factors.get(String(record.get(NAME)));
    const value = record.get(VALUE);
    if (factor !== undefined && typeof value === 'number') watcher.take(value * factor);
  }
}

function observeOne(number: number, port: number): void {
  const token = Buffer.alloc(2);
  token.writeUInt16BE(number);
  const options = [
    [OPTION.observe, NONE] as const,
    ...pathOptions(`${prefixOf(number)}/${METER_OBJECT}/0`),
    [OPTION.accept, SENML_CBOR] as const,
  ];
  socket.send(writeMessage(TYPE.confirmable, CODE.get, number, token, options), port, HOST);
}

async function observe(): Promise<void> {
  const port = await registrar.registered;
  const alive = numbersOf(load).filter((number) => !load.dead.includes(number));
  for (;;) {
    const missing = alive.filter((number) => !observed.has(number));
    if (missing.length === 0) return;
    for (const number of missing.slice(0, WINDOW)) observeOne(number, port);
    await new Promise((later) => setTimeout(later, REFILL_MS));
  }
}

socket.on('message', (bytes, { port }) => {
  const message = readMessage(bytes);
  if (message.code >> 5 < ANSWER_CLASS) registrar.take(message, port);
  else if (message.token.length === 2) takeContent(message, port);
});
await new Promise<void>((bound) => socket.bind(0, HOST, bound));
answerParent({
  port: () => socket.address().port,
  observe,
  watch: watcher.watch,
});
