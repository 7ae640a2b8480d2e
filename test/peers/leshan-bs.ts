import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isOnPath, type Running, start } from './process.ts';

/**
 * Leshan's Bootstrap-Server, of 2.0.0-M15: that of M18 is not on Maven Central, nor is any newer one. It asks what
 * instances the client has, deletes and writes as it is told, and finishes.
 */

const BUILT = fileURLToPath(new URL('../../.cache/leshan-bs/', import.meta.url));

export const leshanBootstrapInstallLine =
  'apt-get install default-jdk-headless maven && mvn -B -q -f test/peers/leshan-bs/pom.xml package';

export function leshanBootstrapAvailable(): boolean {
  return existsSync(`${BUILT}leshan-bs-peer.jar`) && isOnPath('java');
}

export interface LeshanBootstrapOptions {
  /** of the client that is to be bootstrapped */
  readonly endpoint: string;
  readonly servers: readonly { readonly id: number; readonly uri: string; readonly lifetime: number }[];
  /** paths to delete first */
  readonly delete?: readonly string[];
}

export interface LeshanBootstrapServer extends Pick<Running, 'output' | 'waitFor' | 'stop'> {
  readonly coapPort: number;
}

export async function startLeshanBootstrap(options: LeshanBootstrapOptions): Promise<LeshanBootstrapServer> {
  const running = await start(
    'java',
    [
      '-Xmx128m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
      '-cp',
      `${BUILT}leshan-bs-peer.jar:${BUILT}lib/*`,
      'LeshanBootstrapPeer',
    ],
    { ready: /^ready (\d+)$/m, deadlineMs: 30_000, input: `${JSON.stringify(options)}\n` },
  );
  const { output, waitFor, stop } = running;
  return { coapPort: Number(running.ready[1]), output, waitFor, stop };
}
