import { createReader, keep, uint, vector } from './bytes.ts';
import { type Agreed, decodeExtensions, encodeExtensions, type Offer } from './extension.ts';
import { malformed, protocolFault } from './fault.ts';
import { VERSION_1_2 } from './numbers.ts';
import type { Suite } from './suites.ts';

const RANDOM_LENGTH = 32;
const MAX_SESSION_ID = 32;
const NO_COMPRESSION = 0;

export interface ClientHello {
  readonly random: Uint8Array;
  readonly sessionId: Uint8Array;
  /** from HelloVerifyRequest; empty: none so far */
  readonly cookie: Uint8Array;
  readonly offer: Offer;
}

/** RFC 5246 7.4.1.2, RFC 6347 4.2.1. */
export function encodeClientHello({ random, sessionId, cookie, offer }: ClientHello): Buffer {
  return Buffer.concat([
    uint(VERSION_1_2, 2),
    random,
    vector(1, sessionId),
    vector(1, cookie),
    vector(2, ...offer.suites.map(({ id }) => uint(id, 2))),
    vector(1, uint(NO_COMPRESSION, 1)),
    encodeExtensions(offer),
  ]);
}

/** The cookie (RFC 6347 4.2.1); the version there says nothing. @throws GatewayError `dtls.malformed` */
export function decodeHelloVerifyRequest(body: Uint8Array): Buffer {
  const reader = createReader(body);
  reader.uint(2);
  const cookie = Buffer.from(reader.vector(1));
  reader.end();
  return cookie;
}

export interface ServerHello extends Agreed {
  readonly random: Buffer;
  readonly sessionId: Buffer;
  readonly suite: Suite;
}

/**
 * RFC 5246 7.4.1.3: what the server chose from our offer.
 * @throws GatewayError `dtls.protocol` when it chose something else, `dtls.malformed`
 */
export function decodeServerHello(body: Uint8Array, offer: Offer): ServerHello {
  const reader = createReader(body);
  if (reader.uint(2) !== VERSION_1_2)
    throw protocolFault('protocol_version', 'the server does not speak DTLS 1.2');
  const random = Buffer.from(reader.bytes(RANDOM_LENGTH));
  const sessionId = keep(reader.vector(1));
  if (sessionId.length > MAX_SESSION_ID) throw malformed('a session id that is too long');
  const suiteId = reader.uint(2);
  const suite = offer.suites.find(({ id }) => id === suiteId);
  if (suite === undefined)
    throw protocolFault('illegal_parameter', `suite 0x${suiteId.toString(16)}, which was not offered`);
  if (reader.uint(1) !== NO_COMPRESSION)
    throw protocolFault('illegal_parameter', 'compression was not offered');
  const agreed = decodeExtensions(reader, offer, suite);
  reader.end();
  return { random, sessionId, suite, ...agreed };
}
