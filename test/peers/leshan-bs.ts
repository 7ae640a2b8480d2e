import { javaAvailable, javaInstallLine, javaServer } from './java.ts';
import type { LeshanSecurity } from './leshan.ts';
import { type Running, start } from './process.ts';

/**
 * Leshan's Bootstrap-Server, of 2.0.0-M15: that of M18 is not on Maven Central, nor is any newer one. It asks what
 * instances the client has, deletes and writes as it is told, and finishes.
 */

export const leshanBootstrapInstallLine = javaInstallLine('leshan-bs');

export function leshanBootstrapAvailable(): boolean {
  return javaAvailable('leshan-bs');
}

export interface LeshanAccount {
  readonly id: number;
  readonly uri: string;
  readonly lifetime: number;
}

/** Resources 2 to 5 and 15 of object 0, in base64; absent: NoSec. */
export interface LeshanAccountSecurity {
  readonly mode: 'PSK' | 'RPK' | 'X509';
  readonly identity: string;
  readonly serverPublicKey: string;
  readonly secretKey: string;
  readonly certificateUsage?: number;
}

export interface LeshanBootstrapOptions {
  /** of the client that is to be bootstrapped */
  readonly endpoint: string;
  readonly servers: readonly (LeshanAccount & Partial<LeshanAccountSecurity>)[];
  /** The server listens over DTLS and proves itself by this; absent: plain UDP. */
  readonly security?: LeshanSecurity;
  /** paths to delete first */
  readonly delete?: readonly string[];
}

export interface LeshanBootstrapServer extends Pick<Running, 'output' | 'waitFor' | 'stop'> {
  /** of UDP, or of DTLS */
  readonly port: number;
}

export async function startLeshanBootstrap(options: LeshanBootstrapOptions): Promise<LeshanBootstrapServer> {
  const running = await start('java', javaServer('leshan-bs', 'LeshanBootstrapPeer'), {
    ready: /^ready (\d+)$/m,
    deadlineMs: 30_000,
    input: `${JSON.stringify(options)}\n`,
  });
  const { output, waitFor, stop } = running;
  return { port: Number(running.ready[1]), output, waitFor, stop };
}
