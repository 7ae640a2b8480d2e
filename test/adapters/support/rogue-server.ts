import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A request as it came in, and the means to answer it well or badly. */
export interface RogueRequest {
  /** 1 for the first one since the server runs */
  readonly number: number;
  readonly transaction: number;
  readonly unit: number;
  readonly function: number;
  readonly address: number;
  /** what follows the address: a count, or the value of a single write */
  readonly count: number;
  readonly socket: Socket;
  /** when it came, ms */
  readonly at: number;
  /** The right answer: {@link registerValue} in every register, or the echo of a write. */
  good(): Buffer;
  exception(code: number): Buffer;
}

export interface RogueServer {
  readonly port: number;
  readonly requests: RogueRequest[];
  readonly connections: number;
  close(): Promise<void>;
}

/** What register `address` of `unit` holds, so that a value tells where it comes from. */
export const registerValue = (unit: number, address: number): number => (unit * 1000 + address) & 0xffff;

/** An MBAP frame with any header and any body. */
export function frame(
  transaction: number,
  body: readonly number[] | Buffer,
  { protocol = 0, length = body.length } = {},
): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16BE(transaction, 0);
  header.writeUInt16BE(protocol, 2);
  header.writeUInt16BE(length, 4);
  return Buffer.concat([header, Buffer.from(body)]);
}

/** A Modbus TCP server that answers as `behave` says. Requests are taken to come whole, not in pieces. */
export async function startRogueServer(
  behave: (request: RogueRequest) => void,
  { port = 0, onConnection = (_socket: Socket): void => {} } = {},
): Promise<RogueServer> {
  const requests: RogueRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += 6 + chunk.readUInt16BE(at + 4)) {
        const request = parseRequest(chunk.subarray(at), requests.length + 1, socket);
        requests.push(request);
        behave(request);
      }
    });
    onConnection(socket);
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    get connections() {
      return connections;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function parseRequest(bytes: Buffer, number: number, socket: Socket): RogueRequest {
  const transaction = bytes.readUInt16BE(0);
  const unit = bytes.readUInt8(6);
  const code = bytes.readUInt8(7);
  const address = bytes.readUInt16BE(8);
  const count = bytes.readUInt16BE(10);
  return {
    number,
    transaction,
    unit,
    function: code,
    address,
    count,
    socket,
    at: performance.now(),
    good: () =>
      frame(
        transaction,
        code <= 4 ? dataBody(unit, code, address, count) : Buffer.from(bytes.subarray(6, 12)),
      ),
    exception: (exception) => frame(transaction, [unit, code | 0x80, exception]),
  };
}

/** The body of an answer to a read of registers. */
export function dataBody(unit: number, code: number, address: number, count: number): Buffer {
  const body = Buffer.alloc(3 + 2 * count);
  body.writeUInt8(unit, 0);
  body.writeUInt8(code, 1);
  body.writeUInt8(2 * count, 2);
  for (let index = 0; index < count; index++) {
    body.writeUInt16BE(registerValue(unit, address + index), 3 + 2 * index);
  }
  return body;
}
