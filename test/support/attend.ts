import { type Incoming, type Lockstep, startLockstep } from './lockstep.ts';
import { eventually, type Site } from './site.ts';

/** A lockstep server that answers the registration interface by itself. */
export interface Attendance {
  /** What came: Register, Update, De-register, in their order. */
  readonly requests: readonly Incoming[];
  /** The n-th Register, from 1. */
  registered(n?: number, withinMs?: number): Promise<Incoming>;
  stop(): Promise<void>;
}

/** How often it looks whether it should stop. */
const LOOK_MS = 100;

const isRegister = ({ code, path }: Incoming): boolean => code === '0.02' && path === 'rd';

export function attend(server: Lockstep): Attendance {
  const requests: Incoming[] = [];
  let isStopped = false;

  const answer = (request: Incoming): void => {
    const location = ['rd', String(requests.filter(isRegister).length)];
    if (isRegister(request)) {
      const options = location.map((segment) => ({ name: 'Location-Path', value: Buffer.from(segment) }));
      server.respond(request, '2.01', { options });
    } else {
      server.respond(request, request.code === '0.04' ? '2.02' : '2.04');
    }
  };
  const run = async (): Promise<void> => {
    while (!isStopped) {
      const request = await server.nextRequest(LOOK_MS).catch(() => undefined);
      if (request === undefined) continue;
      requests.push(request);
      answer(request);
    }
  };
  const running = run();

  return {
    requests,
    registered: (n = 1, withinMs = 5000) => eventually(() => requests.filter(isRegister)[n - 1], withinMs),
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** Such a server for the gateways of a site, until the site closes. */
export async function attended(site: Site): Promise<{ server: Lockstep; attendance: Attendance }> {
  const server = await startLockstep();
  const attendance = attend(server);
  site.onClose(async () => {
    await attendance.stop();
    server.close();
  });
  return { server, attendance };
}
