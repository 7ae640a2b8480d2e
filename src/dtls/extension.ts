import { isIP } from 'node:net';
import { createReader, keep, type Reader, uint, vector } from './bytes.ts';
import { protocolFault } from './fault.ts';
import type { Suite } from './suites.ts';

/** What we ask the server for. */
export interface Offer {
  readonly suites: readonly Suite[];
  readonly groups: readonly number[];
  readonly signatures: readonly number[];
  readonly serverName: string | undefined;
  /** certificates are to be raw public keys (RFC 7250) */
  readonly wantsRawKeys: boolean;
  /** our own; empty: the server's only; undefined: none at all */
  readonly connectionId: Uint8Array | undefined;
  /** of the session that we offer to resume; empty: only that we take tickets */
  readonly ticket: Uint8Array;
}

/** What the server agrees to. */
export interface Agreed {
  isExtendedMasterSecret: boolean;
  isEncryptThenMac: boolean;
  willSendTicket: boolean;
  /** by which the server wants to be addressed; undefined: no connection ids */
  peerCid: Buffer | undefined;
  isServerKeyRaw: boolean;
  isClientKeyRaw: boolean;
}

/** An extension of the hello messages. */
interface Extension {
  readonly id: number;
  /** What our hello says; undefined: nothing, and then the server's may not either (RFC 5246 7.4.1.4). */
  offer(offer: Offer): Buffer | undefined;
  /** Takes the server's answer; without it, servers do not answer. */
  accept?(answer: Reader, agreed: Agreed, suite: Suite): void;
}

const EMPTY = Buffer.alloc(0);
const HOST_NAME = 0;
const UNCOMPRESSED = 0;
const RAW_PUBLIC_KEY = 2;

const always = (): Buffer => EMPTY;
const nothing = (): void => {};
const signsOf = ({ suites }: Offer): boolean => suites.some(({ keyExchange }) => !keyExchange.isPsk);
const isEphemeralOf = ({ suites }: Offer): boolean =>
  suites.some(({ keyExchange }) => keyExchange.isEphemeral);
const numbers = (lengthSize: number, ids: readonly number[], size: number): Buffer =>
  vector(lengthSize, ...ids.map((id) => uint(id, size)));

function onlyRawKeys(answer: Reader): true {
  if (answer.uint(1) !== RAW_PUBLIC_KEY)
    throw protocolFault('illegal_parameter', 'a certificate type that was not offered');
  return true;
}

const EXTENSIONS: readonly Extension[] = [
  {
    id: 0, // server_name (RFC 6066 3): names only, no addresses
    offer: ({ serverName }) =>
      serverName === undefined || isIP(serverName) !== 0
        ? undefined
        : vector(2, uint(HOST_NAME, 1), vector(2, Buffer.from(serverName, 'ascii'))),
    accept: nothing,
  },
  {
    id: 10, // supported_groups (RFC 8422 5.1.1)
    offer: (offer) => (isEphemeralOf(offer) ? numbers(2, offer.groups, 2) : undefined),
  },
  {
    id: 11, // ec_point_formats (RFC 8422 5.1.2, 5.2)
    offer: (offer) => (isEphemeralOf(offer) ? numbers(1, [UNCOMPRESSED], 1) : undefined),
    accept(answer) {
      if (!answer.list(1, 1).includes(UNCOMPRESSED))
        throw protocolFault('illegal_parameter', 'a point format that was not offered');
    },
  },
  {
    id: 13, // signature_algorithms (RFC 5246 7.4.1.4.1)
    offer: (offer) => (signsOf(offer) ? numbers(2, offer.signatures, 2) : undefined),
  },
  {
    id: 19, // client_certificate_type (RFC 7250 3)
    offer: ({ wantsRawKeys }) => (wantsRawKeys ? numbers(1, [RAW_PUBLIC_KEY], 1) : undefined),
    accept(answer, agreed) {
      agreed.isClientKeyRaw = onlyRawKeys(answer);
    },
  },
  {
    id: 20, // server_certificate_type (RFC 7250 3)
    offer: ({ wantsRawKeys }) => (wantsRawKeys ? numbers(1, [RAW_PUBLIC_KEY], 1) : undefined),
    accept(answer, agreed) {
      agreed.isServerKeyRaw = onlyRawKeys(answer);
    },
  },
  {
    id: 22, // encrypt_then_mac (RFC 7366 2)
    offer: ({ suites }) => (suites.some(({ cipher }) => !cipher.isAead) ? EMPTY : undefined),
    accept(_answer, agreed, suite) {
      if (suite.cipher.isAead)
        throw protocolFault('illegal_parameter', 'encrypt_then_mac with an AEAD suite (RFC 7366 3)');
      agreed.isEncryptThenMac = true;
    },
  },
  {
    id: 23, // extended_master_secret (RFC 7627 5.1)
    offer: always,
    accept(_answer, agreed) {
      agreed.isExtendedMasterSecret = true;
    },
  },
  {
    id: 35, // session_ticket (RFC 5077 3.2)
    offer: ({ ticket }) => Buffer.from(ticket),
    accept(_answer, agreed) {
      agreed.willSendTicket = true;
    },
  },
  {
    id: 54, // connection_id (RFC 9146 3)
    offer: ({ connectionId }) => connectionId && vector(1, connectionId),
    accept(answer, agreed) {
      agreed.peerCid = keep(answer.vector(1));
    },
  },
  {
    id: 0xff01, // renegotiation_info (RFC 5746 3.4): we never renegotiate
    offer: () => vector(1),
    accept(answer) {
      if (answer.vector(1).length > 0)
        throw protocolFault('handshake_failure', 'renegotiation_info that is not empty (RFC 5746 3.4)');
    },
  },
];

/** The extensions of a ClientHello. */
export function encodeExtensions(offer: Offer): Buffer {
  return vector(
    2,
    ...EXTENSIONS.flatMap(({ id, offer: say }) => {
      const data = say(offer);
      return data === undefined ? [] : [uint(id, 2), vector(2, data)];
    }),
  );
}

/**
 * The extensions of a ServerHello; there may be none.
 * @throws GatewayError `dtls.protocol`, `dtls.malformed`
 */
export function decodeExtensions(reader: Reader, offer: Offer, suite: Suite): Agreed {
  const agreed: Agreed = {
    isExtendedMasterSecret: false,
    isEncryptThenMac: false,
    willSendTicket: false,
    peerCid: undefined,
    isServerKeyRaw: false,
    isClientKeyRaw: false,
  };
  const seen = new Set<number>();
  const list = createReader(reader.left > 0 ? reader.vector(2) : EMPTY);
  while (list.left > 0) {
    const id = list.uint(2);
    const answer = createReader(list.vector(2));
    const extension = EXTENSIONS.find((known) => known.id === id);
    if (extension?.accept === undefined || extension.offer(offer) === undefined)
      throw protocolFault('unsupported_extension', `extension ${id}, which was not offered`);
    if (seen.has(id)) throw protocolFault('illegal_parameter', `extension ${id} twice`);
    seen.add(id);
    extension.accept(answer, agreed, suite);
    answer.end();
  }
  return agreed;
}
