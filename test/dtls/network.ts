import {
  type Association,
  type AssociationDetails,
  type AssociationOptions,
  createAssociation,
} from '../../src/dtls/index.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createTestServer, type TestServer, type TestServerOptions } from './server.ts';

/** What may happen to a datagram; it goes on by `pass`, whenever and how often that is called. */
export type Way = (datagram: Buffer, pass: (datagram: Buffer) => void, direction: 'up' | 'down') => void;

export interface Scene {
  readonly clock: FakeClock;
  readonly client: Association;
  readonly server: TestServer;
  /** What the client told its user. */
  readonly told: {
    details?: AssociationDetails;
    received: string[];
    ended: (Error | undefined)[];
    keyLog: string[];
  };
  /** What the server heard. */
  readonly heard: { received: string[]; alerts: string[] };
  /** All datagrams from the client, and to it, as they were sent. */
  readonly up: Buffer[];
  readonly down: Buffer[];
  /** Lets everything under way arrive. */
  settle(): void;
}

export const PSK = { kind: 'psk', identity: Buffer.from('meter'), key: Buffer.from('key') } as const;

export type SceneOptions = Partial<AssociationOptions> & {
  readonly server?: Partial<TestServerOptions>;
  readonly way?: Way;
  /** What the client's user does when it is told something. */
  readonly onTold?: (client: Association, what: 'opened' | 'received') => void;
};

/** A client and a server in memory, with a clock that moves only when told. Datagrams arrive by {@link Scene.settle}. */
export function createScene(options: SceneOptions = {}): Scene {
  const { server: serverOptions, way = (datagram, pass) => pass(datagram), onTold, ...association } = options;
  const clock = createFakeClock(Date.now());
  const told: Scene['told'] = { received: [], ended: [], keyLog: [] };
  const heard: Scene['heard'] = { received: [], alerts: [] };
  const [up, down]: [Buffer[], Buffer[]] = [[], []];
  const underWay: (() => void)[] = [];
  const server = createTestServer({
    ...serverOptions,
    send(datagram) {
      down.push(datagram);
      way(datagram, (bytes) => underWay.push(() => client.receive(Buffer.from(bytes))), 'down');
    },
    received: (bytes) => heard.received.push(bytes.toString()),
    alerted: (level, code) => heard.alerts.push(`${level} ${code}`),
  });
  const client = createAssociation(
    { credentials: PSK, clock, keyLog: (line) => told.keyLog.push(line), ...association },
    {
      transmit(datagram) {
        up.push(Buffer.from(datagram));
        way(Buffer.from(datagram), (bytes) => underWay.push(() => server.receive(bytes)), 'up');
      },
      opened(details) {
        told.details = details;
        onTold?.(client, 'opened');
      },
      received(bytes) {
        told.received.push(bytes.toString());
        onTold?.(client, 'received');
      },
      ended: (error) => told.ended.push(error),
    },
  );
  return {
    clock,
    client,
    server,
    told,
    heard,
    up,
    down,
    settle() {
      for (let turn = 0; underWay.length > 0; turn++) {
        if (turn > 10_000) throw new Error('the two never come to rest');
        underWay.shift()?.();
      }
    },
  };
}

/** A scene after its handshake. */
export function openScene(options: SceneOptions = {}): Scene {
  const scene = createScene(options);
  scene.client.start();
  scene.settle();
  return scene;
}
