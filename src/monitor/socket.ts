import { rmSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { GatewayError, messageOf } from '../base/index.ts';

/** More than the status of a thousand devices needs; a larger answer is not believed. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/** How long one side waits for the other. */
const PATIENCE_MS = 5000;

/** Serves snapshots on a local socket that only the owner of the process can open. */
export interface Monitor {
  close(): Promise<void>;
}

/**
 * Answers each connection with one JSON document and closes it.
 * @param snapshot asked at each connection
 * @throws GatewayError `monitor.taken` when a living process answers there, `monitor.unavailable` when the socket
 *   cannot be made
 */
export async function openMonitor(path: string, snapshot: () => unknown): Promise<Monitor> {
  const isTaken = await askMonitor(path).then(
    () => true,
    () => false,
  );
  if (isTaken)
    throw new GatewayError('monitor.taken', `another gateway runs with the state of ${dirname(path)}`);
  const server: Server = createServer((socket) => {
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.end(`${JSON.stringify(snapshot())}\n`);
  });
  server.maxConnections = 16;
  try {
    await mkdir(dirname(path), { recursive: true });
    // Left behind by a process that was killed.
    rmSync(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await chmod(path, 0o600);
  } catch (error) {
    throw new GatewayError('monitor.unavailable', `${path}: ${messageOf(error)}`, { cause: error });
  }
  server.unref();
  return {
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Asks a running gateway for its snapshot. @throws GatewayError `monitor.unreachable` */
export function askMonitor(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      socket.destroy();
      reject(new GatewayError('monitor.unreachable', `no gateway answers at ${path}: ${why}`));
    };
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(PATIENCE_MS, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > LARGEST_BYTES) fail('the answer is too large');
    });
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text));
      } catch {
        fail('the answer is no JSON');
      }
    });
  });
}
