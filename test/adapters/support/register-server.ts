import { frame, type RogueRequest, type RogueServer, startRogueServer } from './rogue-server.ts';

/** A Modbus TCP device made of holding registers; those that are not there it refuses, like what reaches beyond them. */
export interface RegisterServer extends RogueServer {
  /** What it holds, by address; may be changed at any time. */
  readonly words: Map<number, number>;
  /** While true it says nothing. */
  isSilent: boolean;
}

const ILLEGAL_ADDRESS = 2;

export async function startRegisterServer(
  words: Iterable<readonly [address: number, word: number]>,
): Promise<RegisterServer> {
  const held = new Map(words);
  const state = { words: held, isSilent: false };
  const answer = ({
    transaction,
    unit,
    function: code,
    address,
    count,
  }: RogueRequest): Buffer | undefined => {
    const body = Buffer.alloc(3 + 2 * count);
    body.set([unit, code, 2 * count]);
    for (let index = 0; index < count; index++) {
      const word = held.get(address + index);
      if (word === undefined) return undefined;
      body.writeUInt16BE(word, 3 + 2 * index);
    }
    return frame(transaction, body);
  };
  const server = await startRogueServer((request) => {
    if (!state.isSilent) request.socket.write(answer(request) ?? request.exception(ILLEGAL_ADDRESS));
  });
  return Object.assign(state, {
    get port() {
      return server.port;
    },
    requests: server.requests,
    connections: server.connections,
    close: () => server.close(),
  });
}
