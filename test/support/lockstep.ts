import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { generate, type ParsedPacket, parse } from 'coap-packet';

/**
 * A server that sends and expects single CoAP messages by hand. It shares no code with the gateway: messages are
 * made and read by `coap-packet` alone, and payloads are bytes.
 */
export interface Lockstep {
  readonly port: number;
  /** The next request from the client, in order of arrival. */
  nextRequest(withinMs?: number): Promise<Incoming>;
  respond(request: Incoming, code: string, more?: Outgoing): void;
  /** Sends a request to where the last one came from, and waits for its response. */
  ask(code: string, path: string, more?: Outgoing): Promise<Incoming>;
  /** Takes a Register and answers it 2.01; returns the request. */
  register(withinMs?: number): Promise<Incoming>;
  /** The next message with this token: a notification. */
  nextNotification(token: Buffer, withinMs?: number): Promise<Incoming>;
  /** Messages with this token that came and nobody has taken. */
  notificationsWaiting(token: Buffer): number;
  sendRaw(bytes: Buffer): void;
  /** Everything that came, as bytes. */
  readonly received: readonly Buffer[];
  /** When false, nothing is acknowledged. */
  acknowledge: boolean;
  close(): void;
}

export interface Outgoing {
  readonly payload?: string | Buffer;
  readonly contentFormat?: number;
  readonly accept?: number;
  readonly observe?: number;
  readonly options?: readonly { readonly name: string; readonly value: Buffer }[];
  readonly token?: Buffer;
  readonly messageId?: number;
  readonly confirmable?: boolean;
}

export interface Incoming {
  readonly code: string;
  readonly token: Buffer;
  readonly payload: Buffer;
  readonly confirmable: boolean;
  readonly acknowledgement: boolean;
  readonly messageId: number;
  /** `rd/1` */
  readonly path: string;
  readonly query: readonly string[];
  readonly contentFormat: number | undefined;
  readonly maxAge: number | undefined;
  readonly observe: number | undefined;
  readonly location: string;
  readonly options: readonly { readonly name: string; readonly value: Buffer }[];
  /** Messages without a response code that came before it: an empty ACK. */
  readonly emptyAck: boolean;
}

const uintOf = (value: Buffer | undefined): number | undefined =>
  value === undefined ? undefined : [...value].reduce((sum, byte) => sum * 256 + byte, 0);

function uint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from(bytes);
}

function incoming(packet: ParsedPacket, emptyAck: boolean): Incoming {
  const options = packet.options.map(({ name, value }) => ({ name: String(name), value: value as Buffer }));
  const first = (name: string): Buffer | undefined => options.find((option) => option.name === name)?.value;
  const all = (name: string): string[] =>
    options.filter((o) => o.name === name).map(({ value }) => value.toString());
  return {
    code: packet.code,
    token: packet.token,
    payload: packet.payload,
    confirmable: packet.confirmable,
    acknowledgement: packet.ack,
    messageId: packet.messageId,
    path: all('Uri-Path').join('/'),
    query: all('Uri-Query'),
    contentFormat: uintOf(first('Content-Format')),
    maxAge: uintOf(first('Max-Age')),
    observe: uintOf(first('Observe')),
    location: all('Location-Path').join('/'),
    options,
    emptyAck,
  };
}

/** A queue that somebody can wait on. */
function createQueue<T>(what: string) {
  const items: T[] = [];
  const waiters: ((item: T) => void)[] = [];
  return {
    get size() {
      return items.length;
    },
    push(item: T): void {
      const waiter = waiters.shift();
      if (waiter === undefined) items.push(item);
      else waiter(item);
    },
    next(withinMs: number): Promise<T> {
      const item = items.shift();
      if (item !== undefined) return Promise.resolve(item);
      return new Promise((resolve, reject) => {
        const waiter = (found: T): void => {
          clearTimeout(timer);
          resolve(found);
        };
        const timer = setTimeout(() => {
          waiters.splice(waiters.indexOf(waiter), 1);
          reject(new Error(`no ${what} within ${withinMs} ms`));
        }, withinMs);
        waiters.push(waiter);
      });
    },
  };
}

const PATIENCE_MS = 5000;

export async function startLockstep(port = 0): Promise<Lockstep> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  const requests = createQueue<Incoming>('request');
  const byToken = new Map<string, ReturnType<typeof createQueue<Incoming>>>();
  const received: Buffer[] = [];
  const emptyAcks = new Set<number>();
  let client: RemoteInfo | undefined;
  let counter = 1000;
  let locations = 0;

  const queueOf = (token: Buffer) => {
    const key = token.toString('hex');
    const queue = byToken.get(key) ?? createQueue<Incoming>(`message with token ${key}`);
    byToken.set(key, queue);
    return queue;
  };

  const send = (packet: Parameters<typeof generate>[0]): void => {
    if (client === undefined) throw new Error('nobody has sent anything yet');
    socket.send(generate(packet), client.port, client.address);
  };

  const optionsOf = (path: string, more: Outgoing) => {
    const [segments = '', query = ''] = path.split('?');
    return [
      ...segments
        .split('/')
        .filter((s) => s !== '')
        .map((s) => ({ name: 'Uri-Path', value: Buffer.from(s) })),
      ...query
        .split('&')
        .filter((q) => q !== '')
        .map((q) => ({ name: 'Uri-Query', value: Buffer.from(q) })),
      ...(more.contentFormat === undefined
        ? []
        : [{ name: 'Content-Format', value: uint(more.contentFormat) }]),
      ...(more.accept === undefined ? [] : [{ name: 'Accept', value: uint(more.accept) }]),
      ...(more.observe === undefined ? [] : [{ name: 'Observe', value: uint(more.observe) }]),
      ...(more.options ?? []),
    ] as never;
  };

  const lockstep: Lockstep = {
    port: socket.address().port,
    received,
    acknowledge: true,
    nextRequest: (withinMs = PATIENCE_MS) => requests.next(withinMs),
    respond(request, code, more = {}) {
      send({
        code,
        messageId: request.messageId,
        token: request.token,
        ack: true,
        options: optionsOf('', more),
        payload: Buffer.from(more.payload ?? ''),
      });
    },
    async ask(code, path, more = {}) {
      counter++;
      const token = more.token ?? Buffer.from([0xaa, counter >> 8, counter & 255]);
      const messageId = more.messageId ?? counter;
      send({
        code,
        messageId,
        token,
        confirmable: more.confirmable ?? true,
        options: optionsOf(path, more),
        payload: Buffer.from(more.payload ?? ''),
      });
      return queueOf(token).next(PATIENCE_MS);
    },
    async register(withinMs = PATIENCE_MS) {
      const request = await requests.next(withinMs);
      if (request.path !== 'rd') throw new Error(`expected a Register, got ${request.code} /${request.path}`);
      lockstep.respond(request, '2.01', {
        options: ['rd', String(++locations)].map((s) => ({ name: 'Location-Path', value: Buffer.from(s) })),
      });
      return request;
    },
    nextNotification: (token, withinMs = PATIENCE_MS) => queueOf(token).next(withinMs),
    notificationsWaiting: (token) => queueOf(token).size,
    sendRaw(bytes) {
      if (client === undefined) throw new Error('nobody has sent anything yet');
      socket.send(bytes, client.port, client.address);
    },
    close: () => socket.close(),
  };

  socket.on('message', (bytes, from) => {
    received.push(bytes);
    client = from;
    const packet = parse(bytes);
    if (packet.code === '0.00') {
      if (packet.ack) emptyAcks.add(packet.messageId);
      return;
    }
    if (packet.code.startsWith('0.')) {
      requests.push(incoming(packet, false));
      return;
    }
    if (packet.confirmable && lockstep.acknowledge) {
      socket.send(
        generate({ code: '0.00', messageId: packet.messageId, ack: true }),
        from.port,
        from.address,
      );
    }
    queueOf(packet.token).push(incoming(packet, emptyAcks.size > 0));
    emptyAcks.clear();
  });
  return lockstep;
}
