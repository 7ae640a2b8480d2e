/** The field: all units behind one Modbus TCP port, their values a function of time. Arguments: start, interval in ms. */
import { createServer, type Socket } from 'node:net';
import { answerParent } from '../children.ts';
import { changesUntil, machineMs, POINTS, type Schedule } from '../meter.ts';
import { usage } from '../usage.ts';

const READ_INPUT_REGISTERS = 4;
const HEADER_BYTES = 6;
/** header, unit, function, address, count */
const REQUEST_BYTES = HEADER_BYTES + 6;

const [startMs = 0, intervalMs = 0] = process.argv.slice(2).map(Number);
const schedule: Schedule = { startMs, intervalMs };

/** The values of a unit, as its registers hold them now. */
function registersOf(unit: number): Buffer {
  const now = machineMs();
  const registers = Buffer.allocUnsafe(4 * POINTS.length);
  for (let point = 0; point < POINTS.length; point++)
    registers.writeFloatBE(changesUntil(now, unit, point, schedule), 4 * point);
  return registers;
}

function reply(request: Buffer): Buffer {
  const unit = request.readUInt8(HEADER_BYTES);
  const code = request.readUInt8(HEADER_BYTES + 1);
  const from = 2 * request.readUInt16BE(HEADER_BYTES + 2);
  const data = registersOf(unit).subarray(from, from + 2 * request.readUInt16BE(HEADER_BYTES + 4));
  const isUnderstood = code === READ_INPUT_REGISTERS;
  const body = isUnderstood ? [unit, code, data.length, ...data] : [unit, code | 0x80, 1];
  const frame = Buffer.from([...request.subarray(0, 4), 0, body.length, ...body]);
  return frame;
}

function serve(socket: Socket): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (; rest.length >= REQUEST_BYTES; rest = rest.subarray(REQUEST_BYTES)) socket.write(reply(rest));
  });
  socket.on('error', () => socket.destroy());
}

const server = createServer({ noDelay: true }, serve);
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const address = server.address();
answerParent({ usage, port: () => (typeof address === 'object' && address !== null ? address.port : 0) });
