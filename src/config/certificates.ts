import type { X509Certificate } from 'node:crypto';

/** What is wrong with certificates, or may be. Expired ones are no faults: a box whose clock is wrong still has to start. */
export interface Doubt {
  readonly key: 'caFile' | 'certificateFile';
  readonly message: string;
  /** With this no handshake will succeed, as far as can be told from here. */
  readonly isGrave: boolean;
}

/** A name in one line: `CN=gateway, O=utility`. */
const oneLineOf = (name: string): string => name.split('\n').join(', ') || 'nobody';

function outOfDate(one: X509Certificate, key: Doubt['key'], nowMs: number): Doubt[] {
  const doubt = (message: string): Doubt[] => [
    { key, message: `the certificate of ${oneLineOf(one.subject)} ${message}`, isGrave: true },
  ];
  if (nowMs > Date.parse(one.validTo)) return doubt(`expired on ${one.validTo}`);
  if (nowMs < Date.parse(one.validFrom)) return doubt(`is not valid before ${one.validFrom}`);
  return [];
}

const isIssuedBy = (one: X509Certificate, by: X509Certificate): boolean =>
  one.checkIssued(by) && one.verify(by.publicKey);

/** @param chain our own first, then its issuers */
function brokenChain(chain: readonly X509Certificate[], authorities: readonly X509Certificate[]): Doubt[] {
  const key = 'certificateFile';
  for (const [index, one] of chain.entries()) {
    const next = chain[index + 1];
    if (next !== undefined && !isIssuedBy(one, next)) {
      const message = `the certificate of ${oneLineOf(one.subject)} is not issued by the one after it, ${oneLineOf(next.subject)}`;
      return [{ key, message, isGrave: true }];
    }
  }
  const last = chain.at(-1);
  if (last === undefined || [last, ...authorities].some((by) => isIssuedBy(last, by))) return [];
  const message = `the chain ends below ${oneLineOf(last.issuer)}: a server that does not have its certificate needs it in this file`;
  return [{ key, message, isGrave: false }];
}

/** Looks at what a handshake would fail by. @param chain our own first, then its issuers */
export function inspect(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  nowMs: number,
): Doubt[] {
  const noAuthorities = authorities
    .filter((one) => !one.ca)
    .map(
      ({ subject }): Doubt => ({
        key: 'caFile',
        message: `the certificate of ${oneLineOf(subject)} is none of an authority`,
        isGrave: true,
      }),
    );
  return [
    ...chain.flatMap((one) => outOfDate(one, 'certificateFile', nowMs)),
    ...authorities.flatMap((one) => outOfDate(one, 'caFile', nowMs)),
    ...noAuthorities,
    ...brokenChain(chain, authorities),
  ];
}
