import { rmSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { GatewayError, messageOf } from '../base/index.ts';
import { type Arguments, answer, type Commands, resultOf } from './protocol.ts';

/** More than the status of a thousand devices needs; a larger reply is not believed. */
const LARGEST_REPLY_BYTES = 16 * 1024 * 1024;

/** Some hundred paths to send. */
const LARGEST_REQUEST_BYTES = 64 * 1024;

/** How long a side waits for the other to say something at all. */
const PATIENCE_MS = 5000;

/** A command may wait for a server, and that for all its retransmissions (RFC 7252 4.8.2: 93 s). */
const COMMAND_MS = 120_000;

const MOST_CONNECTIONS = 16;

/** Takes orders on a local socket that only the owner of the process can open. */
export interface Control {
  close(): Promise<void>;
}

/** Hands the first line to `take`; hangs up when it is too long or does not come. */
function readLine(
  socket: Socket,
  mostBytes: number,
  take: (line: string) => void,
  fail: (why: string) => void,
): void {
  let text = '';
  let isTaken = false;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    if (isTaken) return;
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length > mostBytes) fail('the line is too long');
    if (end < 0) return;
    isTaken = true;
    take(text.slice(0, end));
  });
  socket.on('end', () => {
    if (!isTaken) fail('it hung up');
  });
}

function serve(socket: Socket, commands: Commands): void {
  const hangUp = (): void => {
    socket.destroy();
  };
  socket.on('error', hangUp);
  socket.setTimeout(PATIENCE_MS, hangUp);
  const take = async (line: string): Promise<void> => {
    socket.setTimeout(COMMAND_MS, hangUp);
    const reply = await answer(line, commands);
    if (!socket.destroyed) socket.end(`${JSON.stringify(reply)}\n`);
  };
  readLine(socket, LARGEST_REQUEST_BYTES, (line) => void take(line), hangUp);
}

function isAnybodyThere(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/**
 * @throws GatewayError `control.taken` when a living process answers there, `control.unavailable` when the socket
 *   cannot be made
 */
export async function openControl(path: string, commands: Commands): Promise<Control> {
  if (await isAnybodyThere(path))
    throw new GatewayError('control.taken', `another gateway runs with the state of ${dirname(path)}`);
  // A client may say all it has and then wait; the answer still has to find the way back.
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, commands));
  server.maxConnections = MOST_CONNECTIONS;
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
    throw new GatewayError('control.unavailable', `${path}: ${messageOf(error)}`, { cause: error });
  }
  server.unref();
  return {
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/**
 * Gives an order to a running gateway, and returns what it answers.
 * @throws GatewayError `control.unreachable`, `control.bad-reply`, and whatever the gateway refuses it with
 */
export function askControl(path: string, command: string, given: Arguments = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      socket.destroy();
      reject(new GatewayError('control.unreachable', `no gateway answers at ${path}: ${why}`));
    };
    const socket = connect(path);
    socket.setTimeout(COMMAND_MS, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
    const take = (line: string): void => {
      socket.destroy();
      try {
        resolve(resultOf(line));
      } catch (error) {
        reject(error);
      }
    };
    readLine(socket, LARGEST_REPLY_BYTES, take, fail);
    socket.write(`${JSON.stringify({ ...given, command })}\n`);
  });
}
