import { type AddressInfo, createServer, type Socket } from 'node:net';

/** Registers by table and address (`0x5B00`), as words in hexadecimal. */
export type Registers = Readonly<
  Partial<Record<'holding' | 'input', Readonly<Record<string, readonly string[]>>>>
>;

/** A Modbus TCP server made of words as they stand in a manual. It shares no code with the adapter. */
export interface RawMeter {
  readonly port: number;
  /** How many requests it has answered. */
  readonly requests: number;
  close(): Promise<void>;
}

/** What stands where the fixture says nothing: a value made of it would be seen. */
const NOTHING = 0xdead;

function wordsOf(registers: Registers, table: 'holding' | 'input'): Map<number, number> {
  const words = new Map<number, number>();
  for (const [address, values] of Object.entries(registers[table] ?? {})) {
    for (const [index, word] of values.entries())
      words.set(Number(address) + index, Number.parseInt(word, 16));
  }
  return words;
}

export async function startRawMeter(registers: Registers): Promise<RawMeter> {
  const tables = new Map([
    [3, wordsOf(registers, 'holding')],
    [4, wordsOf(registers, 'input')],
  ]);
  let requests = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (request) => {
      requests++;
      const table = tables.get(request.readUInt8(7));
      const [address, count] = [request.readUInt16BE(8), request.readUInt16BE(10)];
      const reply = Buffer.alloc(9 + 2 * count);
      request.copy(reply, 0, 0, 8);
      reply.writeUInt16BE(3 + 2 * count, 4);
      reply.writeUInt8(2 * count, 8);
      for (let index = 0; index < count; index++)
        reply.writeUInt16BE(table?.get(address + index) ?? NOTHING, 9 + 2 * index);
      socket.write(reply);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
