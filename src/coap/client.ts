import type { Peer } from '../transport/index.ts';
import type { AnswerPart, CoapAnswer } from './answer.ts';
import {
  type Asker,
  type AskerOptions,
  type CoapRequestToSend,
  createAsker,
  type Relating,
} from './asker.ts';
import { blockValue, LARGEST_SZX, sizeOf } from './block.ts';
import { isSuccess } from './code.ts';
import type { Link } from './link.ts';
import { NO_BYTES, sameBytes } from './message.ts';
import { OptionNumber, type OptionToSend } from './option.ts';
import { type Download, download, incomplete, passOn, type TakeChunk, upload } from './transfer.ts';

/** A large body to fetch. */
export interface DownloadRequest extends CoapRequestToSend {
  /** of the whole body; more is `coap.too-large` */
  readonly mostBytes: number;
  /**
   * Where an earlier download of the same representation stopped, as its chunks said. Without an ETag nothing says that
   * it is the same.
   */
  readonly resume?: { readonly offset: number; readonly etag: Uint8Array };
}

export interface ClientOptions extends AskerOptions {
  readonly link: Pick<Link, 'room' | 'ready'>;
  /** size exponent of the blocks that we ask for */
  readonly szx: number;
  /** the largest that means something on this carrier */
  readonly largestSzx: number;
  /** of a body that arrives in blocks */
  readonly mostBytes: number;
  /** 0 <= x < 1 */
  readonly random: () => number;
}

/** Asks whole requests, and gets whole answers. All throw what {@link Asker} and the transfers throw. */
export interface Client {
  request(peer: Peer, request: CoapRequestToSend): Promise<CoapAnswer>;
  /** Passes the body of a success on as it comes; see {@link CoapEndpoint.download}. */
  download(peer: Peer, request: DownloadRequest, take: TakeChunk): Promise<CoapAnswer>;
  /** Sends the whole request. @returns the first message of the answer */
  begin(peer: Peer, request: CoapRequestToSend, relating: Relating): Promise<AnswerPart>;
  /** Fetches the rest of the answer that begins with `first`. */
  complete(peer: Peer, request: CoapRequestToSend, first: AnswerPart): Promise<CoapAnswer>;
}

export function createClient(options: ClientOptions): Client {
  const { link, szx, largestSzx, mostBytes, random } = options;
  const inTurn = createTurns();
  const nextTag = createTags(random);
  // A peer that may send smaller blocks only is told before it sends larger ones (RFC 7959 2.4).
  const firstOptions: readonly OptionToSend[] = szx === LARGEST_SZX ? [] : [block2Option(0, szx)];

  const asking = (peer: Peer, request: CoapRequestToSend, relating?: Relating): Asker => {
    const asker = createAsker(options, peer, request, relating);
    // What an upload before this one left at the peer, or on its way, is not continued by it (RFC 9175 3.3).
    if (isLarge(request, asker)) asker.add({ number: OptionNumber.requestTag, value: nextTag() });
    return asker;
  };

  const isLarge = ({ payload = NO_BYTES }: CoapRequestToSend, { room }: Asker): boolean =>
    payload.length > room.whole;

  /** What the peer takes must be known before anything is said to it. */
  const whenReady = <T>(peer: Peer, work: () => Promise<T>): Promise<T> => {
    const ready = link.ready(peer);
    return ready === undefined ? work() : ready.then(work);
  };

  /** Sends the request with a body of any size. */
  const send = (
    peer: Peer,
    request: CoapRequestToSend,
    asker: Asker,
    beginning: readonly OptionToSend[],
  ): Promise<AnswerPart> => {
    const { payload = NO_BYTES } = request;
    if (!isLarge(request, asker)) return asker.ask(beginning, payload);
    // A peer may not know the tags that tell uploads to one place apart, so there is one at a time (RFC 7959 2.5).
    return inTurn(placeOf(peer, request), asker, () => {
      asker.allow(payload.length);
      return upload(asker, payload, asker.room);
    });
  };

  /** Proves, if the peer wants that, that the request is no old one sent again by another (RFC 9175 2.3). */
  const start = async (
    peer: Peer,
    request: CoapRequestToSend,
    asker: Asker,
    beginning = firstOptions,
  ): Promise<AnswerPart> => {
    const answer = await send(peer, request, asker, beginning);
    if (answer.code !== '4.01' || answer.echo === undefined) return answer;
    asker.add({ number: OptionNumber.echo, value: answer.echo });
    asker.allow(1);
    return send(peer, request, asker, beginning);
  };

  const rest = (asker: Asker, request: CoapRequestToSend, most: number): Download => {
    const { method, payload = NO_BYTES } = request;
    // The payload of a FETCH is part of its question (RFC 8132 2.1), the others have done their work.
    const isRepeated = method === 'FETCH' && !isLarge(request, asker);
    return {
      asker,
      payload: isRepeated ? payload : NO_BYTES,
      firstOptions,
      isRepeatable: method === 'GET' || isRepeated,
      mostBytes: most,
      largestSzx,
    };
  };

  return {
    begin: (peer, request, relating) =>
      whenReady(peer, async () => start(peer, request, asking(peer, request, relating))),
    complete: async (peer, request, first) =>
      download(first, rest(asking(peer, request), request, mostBytes)),
    request: (peer, request) =>
      whenReady(peer, async () => {
        const asker = asking(peer, request);
        return download(await start(peer, request, asker), rest(asker, request, mostBytes));
      }),
    download: (peer, request, take) =>
      whenReady(peer, async () => {
        const { resume } = request;
        const asker = asking(peer, request);
        const number = Math.floor((resume?.offset ?? 0) / sizeOf(szx));
        const first = await start(peer, request, asker, resume && [block2Option(number, szx)]);
        const how = rest(asker, request, request.mostBytes);
        if (!isSuccess(first.message.code)) return download(first, { ...how, mostBytes });
        if (resume === undefined) return passOn(first, 0, how, take);
        if (first.etag === undefined || first.block2 === undefined || !sameBytes(first.etag, resume.etag))
          throw incomplete(first, 'lost');
        return passOn(first, number * sizeOf(szx), how, (chunk, place) => {
          const known = Math.max(0, resume.offset - place.offset);
          return take(chunk.subarray(known), { ...place, offset: place.offset + known });
        });
      }),
  };
}

function block2Option(number: number, szx: number): OptionToSend {
  return { number: OptionNumber.block2, value: blockValue({ number, more: false, szx }) };
}

function placeOf(peer: Peer, { method, path, query, contentFormat, accept }: CoapRequestToSend): string {
  return JSON.stringify([peer.key, method, path, query, contentFormat, accept]);
}

const TAGS = 0xffffff;

/** Begins anywhere, as a peer may remember what we did before we were started again. */
function createTags(random: () => number): () => number {
  let tag = Math.floor(random() * TAGS);
  return () => {
    tag = tag >= TAGS ? 1 : tag + 1;
    return tag;
  };
}

type Turns = <T>(key: string, asker: Asker, work: () => Promise<T>) => Promise<T>;

/** Lets work for one key wait for the work before it, however that ends. */
function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return async (key, asker, work) => {
    const before = last.get(key);
    const turn = before === undefined ? work() : asker.wait(before, 'coap.unsent').then(work);
    // One that gives up waiting must not let the next one begin.
    const done = Promise.allSettled([before, turn]);
    last.set(key, done);
    try {
      return await turn;
    } finally {
      void done.then(() => {
        if (last.get(key) === done) last.delete(key);
      });
    }
  };
}
