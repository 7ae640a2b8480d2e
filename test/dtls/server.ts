import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';

/**
 * A DTLS 1.2 server for tests, which shares no line with the client. It is as short as it can be, believes what a
 * client says about lengths, has no timer of its own (it repeats a flight when the client does), and can be made to
 * misbehave: `alter` gets every flight before it is hashed and sent.
 */

type Cipher = readonly [algorithm: string, keyLength: number, tagLength: number, hash: string];
const SUITES: Readonly<
  Record<number, readonly [exchange: 'psk' | 'ecdhe-psk' | 'ecdsa' | 'rsa', cipher: Cipher]>
> = {
  49320: ['psk', ['aes-128-ccm', 16, 8, 'sha256']],
  49316: ['psk', ['aes-128-ccm', 16, 16, 'sha256']],
  168: ['psk', ['aes-128-gcm', 16, 16, 'sha256']],
  169: ['psk', ['aes-256-gcm', 32, 16, 'sha384']],
  49321: ['psk', ['aes-256-ccm', 32, 8, 'sha256']],
  53249: ['ecdhe-psk', ['aes-128-gcm', 16, 16, 'sha256']],
  49326: ['ecdsa', ['aes-128-ccm', 16, 8, 'sha256']],
  49195: ['ecdsa', ['aes-128-gcm', 16, 16, 'sha256']],
  49199: ['rsa', ['aes-128-gcm', 16, 16, 'sha256']],
};

export const u8 = (n: number): Buffer => Buffer.of(n);
export const u16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255);
export const u24 = (n: number): Buffer => Buffer.of(n >> 16, (n >> 8) & 255, n & 255);
const u48 = (n: number): Buffer => {
  const b = Buffer.alloc(6);
  b.writeUIntBE(n, 0, 6);
  return b;
};
const cat = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
export const v8 = (...parts: readonly Uint8Array[]): Buffer => cat(u8(cat(...parts).length), ...parts);
export const v16 = (...parts: readonly Uint8Array[]): Buffer => cat(u16(cat(...parts).length), ...parts);
export const v24 = (...parts: readonly Uint8Array[]): Buffer => cat(u24(cat(...parts).length), ...parts);

function prf(hash: string, secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const hmac = (data: Buffer): Buffer => createHmac(hash, secret).update(data).digest();
  const start = cat(Buffer.from(label), seed);
  let out: Buffer = Buffer.alloc(0);
  for (let a = hmac(start); out.length < length; a = hmac(a)) out = cat(out, hmac(cat(a, start)));
  return out.subarray(0, length);
}

/** A handshake message on its way, or with `contentType` something else. */
export interface Outgoing {
  readonly type: number;
  readonly body: Buffer;
  readonly epoch: 0 | 1 | 2;
  readonly contentType?: number;
}

export interface ServerSession {
  readonly master: Buffer;
  readonly suite: number;
  readonly ems: boolean;
}

export interface TestServerOptions {
  readonly suite?: number;
  readonly psk?: Buffer;
  /** DER, the server's own first */
  readonly chain?: readonly Buffer[];
  readonly key?: KeyObject;
  /** shows its public key instead of certificates */
  readonly isRaw?: boolean;
  readonly asksClient?: boolean;
  readonly hasCookie?: boolean;
  readonly cid?: Buffer;
  readonly ems?: boolean;
  /** Whether, and how, sessions are resumed. */
  readonly resumes?: 'id' | 'ticket';
  readonly sessions?: Map<string, ServerSession>;
  /** of its tickets; 0: it does not say */
  readonly ticketSeconds?: number;
  /** announces a ticket, and gives none */
  readonly emptyTicket?: boolean;
  readonly mtu?: number;
  readonly signatureHash?: string;
  readonly signatureScheme?: number;
  readonly group?: number;
  readonly alter?: (flight: readonly Outgoing[], server: TestServer) => readonly Outgoing[];
  send(datagram: Buffer): void;
  received?(bytes: Buffer): void;
  alerted?(level: number, code: number): void;
}

interface Keys {
  readonly key: Buffer;
  readonly iv: Buffer;
}

export interface TestServer {
  receive(datagram: Buffer): void;
  /** Application data to the client. */
  write(bytes: Buffer): void;
  /** A record as it would go to the client. */
  record(type: number, epoch: 0 | 1 | 2, content: Buffer): Buffer;
  isOpen(): boolean;
  /** of the association; empty before */
  master(): Buffer;
  /** what the client said */
  readonly seen: {
    clientHellos: number;
    identity?: string;
    clientCertificates: Buffer[];
    clientKey?: KeyObject;
    provedKey: boolean;
    serverName?: string;
    extensions: Map<number, Buffer>;
    wrongFinished: number;
    cidRecords: number;
    largestDatagram: number;
  };
  readonly randoms: { client: Buffer; server: Buffer };
}

const TICKET_PREFIX = 'ticket-';

export function createTestServer(options: TestServerOptions): TestServer {
  const {
    suite: suiteId = 0xc0a8,
    psk = Buffer.from('key'),
    hasCookie = true,
    ems: wantsEms = true,
  } = options;
  const { mtu = 1200, sessions = new Map<string, ServerSession>() } = options;
  const found = SUITES[suiteId];
  if (found === undefined) throw new RangeError(`no suite ${suiteId}`);
  const [exchange, [algorithm, keyLength, tagLength, hash]] = found;
  const cookie = Buffer.from('cookie');
  const randoms = { client: Buffer.alloc(0), server: randomBytes(32) };
  const seen: TestServer['seen'] = {
    clientHellos: 0,
    clientCertificates: [],
    provedKey: false,
    extensions: new Map(),
    wrongFinished: 0,
    cidRecords: 0,
    largestDatagram: 0,
  };
  const numbers: [number, number, number] = [0, 0, 0];
  let transcript: Buffer[] = [];
  let keys: { client: Keys; server: Keys } | undefined;
  let clientCid: Buffer = Buffer.alloc(0);
  let hasCid = false;
  let ems = false;
  let master: Buffer = Buffer.alloc(0);
  let resumed = false;
  let isOpen = false;
  let sent = 0;
  let next = 0;
  let last: { outgoing: Outgoing; seq: number }[] = [];
  let sessionId: Buffer = Buffer.alloc(0);
  let willSendTicket = false;
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  const parts = new Map<number, { type: number; body: Buffer; have: Set<number>; length: number }>();

  const digest = (): Buffer =>
    createHash(hash)
      .update(cat(...transcript))
      .digest();
  const whole = (type: number, seq: number, body: Buffer): Buffer =>
    cat(u8(type), u24(body.length), u16(seq), u24(0), v24(body));

  const aad = (type: number, epoch: number, seq: number, cid: Buffer, length: number): Buffer =>
    cid.length === 0
      ? cat(u16(epoch), u48(seq), u8(type), u16(0xfefd), u16(length))
      : cat(
          Buffer.alloc(8, 0xff),
          u8(25),
          u8(cid.length),
          u8(25),
          u16(0xfefd),
          u16(epoch),
          u48(seq),
          cid,
          u16(length),
        );

  const record = (type: number, epoch: 0 | 1 | 2, content: Buffer): Buffer => {
    const seq = numbers[epoch]++;
    if (epoch === 0 || keys === undefined)
      return cat(u8(type), u16(0xfefd), u16(epoch), u48(seq), v16(content));
    const cid = hasCid ? clientCid : Buffer.alloc(0);
    const plain = cid.length > 0 ? cat(content, u8(type)) : content;
    const explicit = randomBytes(8);
    const seal = createCipheriv(algorithm as CipherGCMTypes, keys.server.key, cat(keys.server.iv, explicit), {
      authTagLength: tagLength,
    });
    const outer = cid.length > 0 ? 25 : type;
    const additional: [Buffer, { plaintextLength: number }] = [
      aad(outer, epoch, seq, cid, plain.length),
      { plaintextLength: plain.length },
    ];
    (seal.setAAD as (...args: unknown[]) => void).apply(seal, additional);
    const body = cat(explicit, seal.update(plain), seal.final(), seal.getAuthTag());
    return cat(u8(outer), u16(0xfefd), u16(epoch), u48(seq), cid, v16(body));
  };

  const pack = (flight: typeof last): void => {
    let datagram: Buffer = Buffer.alloc(0);
    const put = (bytes: Buffer): void => {
      if (datagram.length + bytes.length > mtu) {
        options.send(datagram);
        datagram = Buffer.alloc(0);
      }
      datagram = cat(datagram, bytes);
    };
    for (const { outgoing, seq } of flight) {
      const { type, body, epoch, contentType } = outgoing;
      if (contentType !== undefined) {
        put(record(contentType, epoch, body));
        continue;
      }
      const most = mtu - 80;
      for (let at = 0; at === 0 || at < body.length; at += most) {
        const piece = body.subarray(at, at + most);
        put(record(22, epoch, cat(u8(type), u24(body.length), u16(seq), u24(at), v24(piece))));
      }
    }
    if (datagram.length > 0) options.send(datagram);
  };

  const flight = (wanted: readonly Outgoing[]): void => {
    const altered = options.alter?.(wanted, server) ?? wanted;
    last = altered.map((outgoing) => {
      if (outgoing.contentType !== undefined) return { outgoing, seq: 0 };
      const seq = sent++;
      if (outgoing.type !== 3) transcript.push(whole(outgoing.type, seq, outgoing.body));
      return { outgoing, seq };
    });
    pack(last);
  };

  const install = (): void => {
    const block = prf(hash, master, 'key expansion', cat(randoms.server, randoms.client), 2 * keyLength + 8);
    const at = (from: number, length: number): Buffer => block.subarray(from, from + length);
    const ivs = 2 * keyLength;
    keys = {
      client: { key: at(0, keyLength), iv: at(ivs, 4) },
      server: { key: at(keyLength, keyLength), iv: at(ivs + 4, 4) },
    };
  };

  const finished = (): Outgoing => ({
    type: 20,
    epoch: 1,
    body: prf(hash, master, 'server finished', digest(), 12),
  });
  const ccs: Outgoing = { type: 0, epoch: 0, contentType: 20, body: u8(1) };
  const newTicket = (): Outgoing[] => {
    if (!willSendTicket) return [];
    const name = options.emptyTicket ? '' : TICKET_PREFIX + randomBytes(8).toString('hex');
    sessions.set(name, { master, suite: suiteId, ems });
    return [{ type: 4, epoch: 0, body: cat(u24(0), u8(options.ticketSeconds ?? 0), v16(Buffer.from(name))) }];
  };
  /** Ticket, ChangeCipherSpec, Finished; the last one is computed when the first is in the transcript. */
  const finish = (): void => {
    const tickets = newTicket();
    const before = transcript.length;
    for (const [index, { body }] of tickets.entries()) transcript.push(whole(4, sent + index, body));
    const messages = [...tickets, ccs, finished()];
    transcript.length = before;
    flight(messages);
  };

  const helloExtensions = (): Buffer => {
    const list: Buffer[] = [];
    const add = (id: number, data: Buffer): void => {
      list.push(u16(id), v16(data));
    };
    if (ems) add(23, Buffer.alloc(0));
    if (seen.extensions.has(0xff01)) add(0xff01, v8());
    if (hasCid) add(54, v8(options.cid ?? Buffer.alloc(0)));
    if (willSendTicket) add(35, Buffer.alloc(0));
    if (options.isRaw) {
      add(20, u8(2));
      if (options.asksClient) add(19, u8(2));
    }
    return list.length === 0 ? Buffer.alloc(0) : v16(...list);
  };

  const onClientHello = (body: Buffer, seq: number): void => {
    seen.clientHellos++;
    let at = 2;
    const take = (n: number): Buffer => {
      at += n;
      return body.subarray(at - n, at);
    };
    const vec = (n: number): Buffer => take(take(n).readUIntBE(0, n));
    const random = Buffer.from(take(32));
    const offeredId = Buffer.from(vec(1));
    const shown = vec(1);
    vec(2);
    vec(1);
    seen.extensions = new Map();
    if (at < body.length) {
      const end = at + 2 + body.readUInt16BE(at);
      at += 2;
      while (at < end) {
        const id = take(2).readUInt16BE(0);
        seen.extensions.set(id, Buffer.from(vec(2)));
      }
    }
    const sni = seen.extensions.get(0);
    if (sni !== undefined) seen.serverName = sni.subarray(5).toString();
    if (hasCookie && !shown.equals(cookie)) {
      sent = seq;
      flight([{ type: 3, epoch: 0, body: cat(u16(0xfeff), v8(cookie)) }]);
      return;
    }
    randoms.client = random;
    transcript = [whole(1, seq, body)];
    ems = wantsEms && seen.extensions.has(23);
    const cid = seen.extensions.get(54);
    hasCid = options.cid !== undefined && cid !== undefined;
    if (cid !== undefined) clientCid = Buffer.from(cid.subarray(1));
    const ticket = seen.extensions.get(35);
    willSendTicket = options.resumes === 'ticket' && ticket !== undefined;
    const known = sessions.get(ticket?.length ? ticket.toString() : offeredId.toString('hex'));
    resumed = known !== undefined && known.suite === suiteId && known.ems === ems;
    sessionId = resumed ? offeredId : options.resumes === 'id' ? randomBytes(32) : Buffer.alloc(0);
    const hello: Outgoing = {
      type: 2,
      epoch: 0,
      body: cat(u16(0xfefd), randoms.server, v8(sessionId), u16(suiteId), u8(0), helloExtensions()),
    };
    if (resumed && known !== undefined) {
      ({ master } = known);
      install();
      const before = transcript.length;
      transcript.push(whole(2, sent, hello.body));
      const tickets = newTicket();
      for (const { body: one } of tickets) transcript.push(whole(4, sent + 1, one));
      const done = finished();
      transcript.length = before;
      flight([hello, ...tickets, ccs, done]);
      return;
    }
    flight([hello, ...authentication(), { type: 14, epoch: 0, body: Buffer.alloc(0) }]);
  };

  const authentication = (): Outgoing[] => {
    if (exchange === 'psk') return [];
    const point = ecdh.getPublicKey();
    const parameters = cat(u8(3), u16(options.group ?? 23), v8(point));
    if (exchange === 'ecdhe-psk') return [{ type: 12, epoch: 0, body: cat(v16(), parameters) }];
    const { key, chain = [] } = options;
    if (key === undefined) throw new RangeError('a key is missing');
    const scheme = options.signatureScheme ?? (exchange === 'ecdsa' ? 0x0403 : 0x0401);
    const signature = sign(
      options.signatureHash ?? 'sha256',
      cat(randoms.client, randoms.server, parameters),
      key,
    );
    const shown = options.isRaw
      ? v24(createPublicKey(key).export({ format: 'der', type: 'spki' }))
      : v24(...chain.map((one) => v24(one)));
    return [
      { type: 11, epoch: 0, body: shown },
      { type: 12, epoch: 0, body: cat(parameters, u16(scheme), v16(signature)) },
      ...(options.asksClient
        ? [
            {
              type: 13,
              epoch: 0 as const,
              body: cat(v8(u8(64), u8(1)), v16(u16(0x0403), u16(0x0401)), v16()),
            },
          ]
        : []),
    ];
  };

  const onClientKeyExchange = (body: Buffer): void => {
    let rest = body;
    if (exchange === 'psk' || exchange === 'ecdhe-psk') {
      const length = rest.readUInt16BE(0);
      seen.identity = rest.subarray(2, 2 + length).toString();
      rest = rest.subarray(2 + length);
    }
    const z = rest.length > 0 ? ecdh.computeSecret(rest.subarray(1)) : Buffer.alloc(psk.length);
    const premaster = exchange.endsWith('psk') ? cat(v16(z), v16(psk)) : z;
    master = ems
      ? prf(hash, premaster, 'extended master secret', digest(), 48)
      : prf(hash, premaster, 'master secret', cat(randoms.client, randoms.server), 48);
    install();
  };

  const onMessage = (type: number, body: Buffer, seq: number): void => {
    if (type === 1) {
      onClientHello(body, seq);
      return;
    }
    if (type === 15) {
      const length = body.readUInt16BE(2);
      const key = seen.clientKey;
      seen.provedKey =
        key !== undefined && verify('sha256', cat(...transcript), key, body.subarray(4, 4 + length));
    }
    const expected = type === 20 ? prf(hash, master, 'client finished', digest(), 12) : undefined;
    transcript.push(whole(type, seq, body));
    if (type === 11) onClientCertificate(body);
    if (type === 16) onClientKeyExchange(body);
    if (expected === undefined) return;
    if (!expected.equals(body)) {
      seen.wrongFinished++;
      return;
    }
    if (!resumed) finish();
    if (options.resumes === 'id') sessions.set(sessionId.toString('hex'), { master, suite: suiteId, ems });
    isOpen = true;
  };

  const onClientCertificate = (body: Buffer): void => {
    if (options.isRaw) {
      if (body.length > 3)
        seen.clientKey = createPublicKey({ key: body.subarray(3), format: 'der', type: 'spki' });
      return;
    }
    for (let at = 3; at < body.length; ) {
      const length = body.readUIntBE(at, 3);
      seen.clientCertificates.push(Buffer.from(body.subarray(at + 3, at + 3 + length)));
      at += 3 + length;
    }
    const [own] = seen.clientCertificates;
    if (own !== undefined) seen.clientKey = new X509Certificate(own).publicKey;
  };

  const onFragment = (bytes: Buffer): void => {
    const type = bytes.readUInt8(0);
    const [length, seq, at] = [bytes.readUIntBE(1, 3), bytes.readUInt16BE(4), bytes.readUIntBE(6, 3)];
    const piece = bytes.subarray(12, 12 + bytes.readUIntBE(9, 3));
    // A client that begins anew, or repeats its hello.
    if (type === 1 && seq === 0 && last[0]?.outgoing.type === 3) next = 0;
    if (seq < next) {
      if (at + piece.length === length && [1, 20].includes(type)) pack(last);
      return;
    }
    const part = parts.get(seq) ?? { type, body: Buffer.alloc(length), have: new Set<number>(), length: 0 };
    parts.set(seq, part);
    if (!part.have.has(at)) {
      part.have.add(at);
      part.length += piece.length;
      piece.copy(part.body, at);
    }
    for (
      let due = parts.get(next);
      due !== undefined && due.length >= due.body.length;
      due = parts.get(next)
    ) {
      parts.delete(next);
      onMessage(due.type, due.body, next++);
    }
  };

  const open = (type: number, seq: number, cid: Buffer, body: Buffer): Buffer | undefined => {
    if (keys === undefined) return undefined;
    const length = body.length - 8 - tagLength;
    try {
      const opening = createDecipheriv(
        algorithm as CipherGCMTypes,
        keys.client.key,
        cat(keys.client.iv, body.subarray(0, 8)),
        { authTagLength: tagLength },
      );
      opening.setAuthTag(body.subarray(8 + length));
      (opening.setAAD as (...args: unknown[]) => void).call(opening, aad(type, 1, seq, cid, length), {
        plaintextLength: length,
      });
      return cat(opening.update(body.subarray(8, 8 + length)), opening.final());
    } catch {
      return undefined;
    }
  };

  const server: TestServer = {
    seen,
    randoms,
    record,
    isOpen: () => isOpen,
    master: () => master,
    write: (bytes) => options.send(record(23, 1, bytes)),
    receive(datagram) {
      seen.largestDatagram = Math.max(seen.largestDatagram, datagram.length);
      for (let at = 0; at + 13 <= datagram.length; ) {
        const outer = datagram.readUInt8(at);
        const cid =
          outer === 25 ? datagram.subarray(at + 11, at + 11 + (options.cid?.length ?? 0)) : Buffer.alloc(0);
        const epoch = datagram.readUInt16BE(at + 3);
        const seq = datagram.readUIntBE(at + 5, 6);
        const length = datagram.readUInt16BE(at + 11 + cid.length);
        const raw = datagram.subarray(at + 13 + cid.length, at + 13 + cid.length + length);
        at += 13 + cid.length + length;
        let content: Buffer | undefined = raw;
        let type = outer;
        if (epoch === 1) {
          content = open(outer, seq, cid, raw);
          if (content !== undefined && outer === 25) {
            seen.cidRecords++;
            type = content[content.length - 1] ?? 0;
            content = content.subarray(0, -1);
          }
        }
        if (content === undefined) continue;
        if (type === 21) options.alerted?.(content[0] ?? 0, content[1] ?? 0);
        else if (type === 23) options.received?.(content);
        else if (type === 22) {
          for (let from = 0; from + 12 <= content.length; ) {
            const size = 12 + content.readUIntBE(from + 9, 3);
            onFragment(content.subarray(from, from + size));
            from += size;
          }
        }
      }
    },
  };
  return server;
}
