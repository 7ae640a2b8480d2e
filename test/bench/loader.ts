import type { Socket } from 'node:dgram';
import { CODE, OPTION, pathOptions, TYPE, writeMessage } from './coap-bytes.ts';
import { quantile } from './figures.ts';
import type { Load, LoadResult } from './loads.ts';

/** Asks for one thing as fast as it is answered, over the socket of a server that does other things with it too. */
export interface Loader {
  /** Keeps `window` requests under way, the next one when an answer comes; what got lost is replaced after a while. */
  run(port: number, load: Load): Promise<LoadResult>;
  /** @returns whether it was an answer to a request of the loader */
  hear(bytes: Buffer, port: number): boolean;
}

const HOST = '127.0.0.1';
const LOOK_MS = 200;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The option as short as it goes: 0 has no bytes. */
function acceptOption(format: number): Buffer {
  const bytes = Buffer.from([format >> 8, format & 255]);
  return bytes.subarray(format === 0 ? 2 : format < 256 ? 1 : 0);
}

/** Tokens of the loader: nothing else in a bench has such short ones that begin so. */
const TOKEN_LENGTH = 5;
const MARK = 0xff;

export function createLoader(socket: Socket): Loader {
  const underWay = new Map<number, number>();
  let count = 0;
  let asked: { readonly port: number; answered(bytes: Buffer, waitMs: number): void } | undefined;

  return {
    async run(port, { path, accept = 0, window, ms }) {
      const options = [...pathOptions(path), [OPTION.accept, acceptOption(accept)] as const];
      const request = writeMessage(TYPE.confirmable, CODE.get, 0, Buffer.alloc(TOKEN_LENGTH, MARK), options);
      const waits: number[] = [];
      const tally = { answers: 0, refusals: 0, lost: 0, bytes: 0 };
      const send = (): void => {
        count = (count + 1) >>> 0;
        const bytes = Buffer.from(request);
        // Message ids are used again within seconds: with the same token that would be a duplicate, and no work.
        bytes.writeUInt16BE(count & 0xffff, 2);
        bytes.writeUInt32BE(count, 5);
        underWay.set(count, performance.now());
        socket.send(bytes, port, HOST);
      };
      asked = {
        port,
        answered(bytes, waitMs) {
          waits.push(waitMs);
          tally.answers++;
          tally.bytes = bytes.length;
          const code = bytes.readUInt8(1);
          if (code !== CODE.content && code !== CODE.get) tally.refusals++;
          send();
        },
      };
      const start = performance.now();
      for (let slot = 0; slot < window; slot++) send();
      for (let before = 0; performance.now() - start < ms; before = tally.answers) {
        await wait(Math.min(LOOK_MS, ms));
        if (tally.answers > before) continue;
        tally.lost += underWay.size;
        underWay.clear();
        for (let slot = 0; slot < window; slot++) send();
      }
      const seconds = (performance.now() - start) / 1000;
      asked = undefined;
      underWay.clear();
      waits.sort((a, b) => a - b);
      return {
        perSecond: tally.answers / seconds,
        refusals: tally.refusals,
        lost: tally.lost,
        bytes: tally.bytes,
        waitP50Ms: quantile(waits, 0.5),
        waitP99Ms: quantile(waits, 0.99),
      };
    },
    hear(bytes, port) {
      if ((bytes.readUInt8(0) & 15) !== TOKEN_LENGTH || bytes[4] !== MARK) return false;
      const id = bytes.readUInt32BE(5);
      const sentAt = underWay.get(id);
      if (sentAt !== undefined && asked?.port === port) {
        underWay.delete(id);
        asked.answered(bytes, performance.now() - sentAt);
      }
      return true;
    },
  };
}
