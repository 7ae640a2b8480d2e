import type { KeyObject, X509Certificate } from 'node:crypto';
import type { Credentials } from './credentials.ts';
import { type Agreement, agree } from './ecdhe.ts';
import type { Offer } from './extension.ts';
import { distrust, protocolFault } from './fault.ts';
import type { Randoms } from './keys.ts';
import { decodeCertificates, decodeRawPublicKey, NAMED_CURVE, type ServerShare } from './server-messages.ts';
import { checkSignature } from './signature.ts';
import type { KeyExchange } from './suites.ts';
import { judgeServer, parseChain, parsePublicKey } from './trust.ts';

/** Who the server says it is. */
export interface ServerIdentity {
  /** the key that it has to prove to possess */
  readonly key: KeyObject;
  readonly certificate: X509Certificate | undefined;
}

/**
 * @param isRaw the server agreed to show a raw public key
 * @param serverName that its certificate must be for
 */
type Judgement = (isRaw: boolean, serverName: string | undefined, nowMs: number) => ServerIdentity;

/**
 * The server's Certificate message, to be judged by what we trust.
 * @throws GatewayError `dtls.malformed`; what it returns, `dtls.protocol` or `dtls.certificate`
 */
export function readIdentity(body: Uint8Array, credentials: Credentials): Judgement {
  switch (credentials.kind) {
    case 'certificate': {
      const ders = decodeCertificates(body);
      return (_isRaw, serverName, nowMs) => {
        const chain = parseChain(ders);
        return { key: judgeServer(chain, credentials.trust, serverName, nowMs), certificate: chain[0] };
      };
    }
    case 'raw-public-key': {
      const spki = decodeRawPublicKey(body);
      return (isRaw) => {
        // Else it is a certificate (RFC 7250 4.2), which we have no means to judge.
        if (!isRaw)
          throw protocolFault('unsupported_certificate', 'the server does not show a raw public key');
        if (!spki.equals(credentials.serverKey))
          throw distrust('pin', 'the public key of the server is another one');
        return { key: parsePublicKey(spki), certificate: undefined };
      };
    }
    case 'psk':
      throw protocolFault('unexpected_message', 'a certificate where keys are shared');
  }
}

/**
 * Our half of ECDHE, once the server has proved by its own that it is who it says (RFC 8422 5.4).
 * @throws GatewayError `dtls.protocol`, `dtls.certificate`
 */
export function answerShare(
  { curveType, group, point, parameters, signature }: ServerShare,
  { signedBy }: KeyExchange,
  identity: ServerIdentity | undefined,
  randoms: Randoms,
  offer: Pick<Offer, 'groups' | 'signatures'>,
): Agreement {
  if (curveType !== NAMED_CURVE) throw protocolFault('illegal_parameter', 'a curve without a name');
  if (signature !== undefined) {
    if (identity === undefined || identity.key.asymmetricKeyType !== signedBy)
      throw distrust('unsupported', 'the key of the server is not for the suite');
    const signed = Buffer.concat([randoms.client, randoms.server, parameters]);
    const verdict = offer.signatures.includes(signature.scheme)
      ? checkSignature(signature.scheme, identity.key, signed, signature.bytes)
      : 'unoffered';
    if (verdict === 'unoffered')
      throw protocolFault('illegal_parameter', 'a signature scheme that was not offered');
    if (verdict === 'bad') throw protocolFault('decrypt_error', 'the server does not prove to have its key');
  }
  const agreed = offer.groups.includes(group) ? agree(group, point) : 'unoffered';
  if (typeof agreed === 'string')
    throw protocolFault('illegal_parameter', `a share whose group or value is ${agreed}`);
  return agreed;
}
