import type { Socket } from 'node:dgram';
import { CODE, type Message, OPTION, type OptionBytes, TYPE, writeMessage } from './coap-bytes.ts';

/** What a server of the bench does about registrations: it takes every one, of one client. */
export interface Registrar {
  /** the port of the client, once it has registered */
  readonly registered: Promise<number>;
  /** Answers Register, in blocks or not, Update and De-register. */
  take(request: Message, port: number): void;
}

const HOST = '127.0.0.1';
/** Of Block1: another block follows (RFC 7959 2.2). */
const MORE = 8;

export function createRegistrar(socket: Socket): Registrar {
  let done: (port: number) => void = () => {};
  const registered = new Promise<number>((resolve) => {
    done = resolve;
  });

  function answer(request: Message, port: number, code: number, options: readonly OptionBytes[] = []): void {
    const { mid, token, block1 } = request;
    const echo = block1 === undefined ? [] : [[OPTION.block1, block1] as const];
    socket.send(writeMessage(TYPE.acknowledgement, code, mid, token, [...options, ...echo]), port, HOST);
  }

  return {
    registered,
    take(request, port) {
      const { code, path, block1 } = request;
      if (((block1?.at(-1) ?? 0) & MORE) !== 0) answer(request, port, CODE.continue);
      else if (code === CODE.delete) answer(request, port, CODE.deleted);
      else if (path.length > 1) answer(request, port, CODE.changed);
      else {
        const location = ['rd', '1'].map((segment) => [OPTION.locationPath, Buffer.from(segment)] as const);
        answer(request, port, CODE.created, location);
        done(port);
      }
    },
  };
}
