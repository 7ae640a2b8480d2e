/**
 * The meters of the Modbus bench: every input register pair of every unit holds the time of the answer, see `stamps.ts`.
 * Arguments: start, and of a line: ms per character, ms that a meter takes to answer; then the units that are dead.
 */
import { createServer, type Socket } from 'node:net';
import { setPriority } from 'node:os';
import { createRequestReader, WIRES, type Wire } from '../../../adapters/modbus/wires.ts';
import { startRelay } from '../../support/relay.ts';
import { answerParent } from '../children.ts';
import { machineMs } from '../meter.ts';
import { stampOf } from '../modbus/stamps.ts';

const [start = '0', character = '0', turnaround = '0', ...deadUnits] = process.argv.slice(2);
const startMs = Number(start);
const characterMs = Number(character);
const dead = new Set(deadUnits.map(Number));
const wire = wireOf(characterMs > 0 ? 'modbus-rtu-tcp' : 'modbus-tcp');

const READ_INPUT_REGISTERS = 4;
const REPEAT = 8;
const EXCEPTION = 0x80;
const ILLEGAL_FUNCTION = 1;
let requests = 0;
let answers = 0;

function wireOf(type: string): Wire {
  const known = WIRES[type];
  if (known === undefined) throw new RangeError(`no wire ${type}`);
  return known;
}

function read(body: Buffer): Buffer {
  const count = body.readUInt16BE(4);
  const reply = Buffer.alloc(3 + 2 * count);
  body.copy(reply, 0, 0, 2);
  reply[2] = 2 * count;
  // An even address begins a value, and all of them are the same.
  const stamp = stampOf(machineMs(), startMs);
  for (let at = 3; at + 4 <= reply.length; at += 4) reply.writeFloatBE(stamp, at);
  return reply;
}

function answer(body: Buffer): Buffer | undefined {
  requests++;
  const [unit = 0, code = 0] = body;
  if (dead.has(unit)) return undefined;
  answers++;
  if (code === READ_INPUT_REGISTERS) return read(body);
  return code === REPEAT ? body : Buffer.from([unit, code | EXCEPTION, ILLEGAL_FUNCTION]);
}

function serve(socket: Socket): void {
  const reader = createRequestReader(wire, (body, tag) => {
    const reply = answer(body);
    if (reply !== undefined) socket.write(wire.frame(reply, tag));
  });
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.on('error', () => socket.destroy());
}

try {
  // Meters and wires do not wait for the processors of whom they are read by.
  setPriority(-10);
} catch {
  // Only root may: then they do.
}

const server = createServer({ noDelay: true }, serve);
// All of 127/8: each device has an address of its own.
await new Promise<void>((listening) => server.listen(0, '0.0.0.0', 1024, listening));
const address = server.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;
const relay =
  characterMs > 0 ? await startRelay(port, { characterMs, turnaroundMs: Number(turnaround) }) : undefined;

answerParent({
  port: () => relay?.port ?? port,
  counts: () => ({ requests, answers, busyMs: relay?.busyMs ?? 0 }),
});
