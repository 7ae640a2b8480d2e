import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOnPath } from '../peers/process.ts';

/** An authority, and what it signed, each as PEM. */
export interface Pki {
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
  /** signed by nobody else */
  readonly stranger: Identity;
}

export interface Identity {
  readonly certificate: string;
  readonly privateKey: string;
}

export const pkiAvailable = isOnPath('openssl');
export const pkiInstallLine = 'apt-get install openssl';

/**
 * Makes keys and certificates anew, so that none ever expires. The server is `localhost` and 127.0.0.1.
 * @param clientName the common name of the client
 */
export function createPki(clientName = 'client'): Pki {
  const folder = mkdtempSync(join(tmpdir(), 'pki-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const identity = (name: string): Identity => ({
    certificate: read(`${name}.crt`),
    privateKey: read(`${name}.key`),
  });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const selfSigned = (name: string): void =>
    openssl(
      'req',
      '-x509',
      ...curve,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
    );
  const signed = (name: string, extension: string, commonName = name): void => {
    writeFileSync(join(folder, `${name}.ext`), extension);
    openssl(
      'req',
      '-new',
      ...curve,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${commonName}`,
    );
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...by, '-out', `${name}.crt`, '-extfile', `${name}.ext`);
  };
  try {
    selfSigned('ca');
    selfSigned('stranger');
    signed('server', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
    signed('client', 'subjectAltName=DNS:gateway', clientName);
    return {
      ca: read('ca.crt'),
      server: identity('server'),
      client: identity('client'),
      stranger: identity('stranger'),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
