import { setTimeout as pause } from 'node:timers/promises';
import { createTimers, silentLogger, systemClock } from '../../src/base/index.ts';
import { openCoapUplink } from '../../src/binding/index.ts';
import { createSession, type Mounts, type Session } from '../../src/client/index.ts';
import { type Incoming, type Lockstep, startLockstep } from './lockstep.ts';

/** A server and the session of a client with it, registered over a real socket. */
export interface Attached {
  readonly server: Lockstep;
  readonly session: Session;
  /** The Register that began it. */
  readonly register: Incoming;
  get(path: string, accept?: number): Promise<Incoming>;
  put(path: string, contentFormat: number, payload: string | Buffer): Promise<Incoming>;
  post(path: string, contentFormat: number, payload: string | Buffer): Promise<Incoming>;
  close(): Promise<void>;
}

export interface AttachOptions {
  readonly shortServerId?: number;
  readonly serverInstance?: number;
  readonly release?: '1.2' | '1.1' | '1.0';
}

export async function attachServer(mounts: Mounts, options: AttachOptions = {}): Promise<Attached> {
  const { shortServerId = 1, serverInstance = 0, release = '1.2' } = options;
  const server = await startLockstep();
  const timers = createTimers(systemClock, 5);
  const ports = { clock: systemClock, timers, log: silentLogger, random: Math.random };
  const session = createSession(
    {
      endpoint: 'client-1',
      shortServerId,
      serverInstance,
      release,
      retry: { firstMs: 50, factor: 1, mostMs: 50, jitter: 0 },
      transmitWaitMs: 93_000,
      queueMode: false,
    },
    mounts,
    {
      ...ports,
      openUplink: (service) =>
        openCoapUplink({ host: '127.0.0.1', port: server.port, attempt: 0 }, service, ports),
    },
  );
  session.start();
  const register = await server.register();
  while (session.status.phase !== 'registered') await pause(2);
  return {
    server,
    session,
    register,
    get: (path, accept) => server.ask('0.01', path, accept === undefined ? {} : { accept }),
    put: (path, contentFormat, payload) => server.ask('0.03', path, { contentFormat, payload }),
    post: (path, contentFormat, payload) => server.ask('0.02', path, { contentFormat, payload }),
    async close() {
      const stopped = session.stop(100);
      const farewell = await server.nextRequest(300).catch(() => undefined);
      if (farewell !== undefined) server.respond(farewell, '2.02');
      await stopped;
      timers.stop();
      server.close();
    },
  };
}
