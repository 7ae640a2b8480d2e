/** Full load for long: GET as fast as it is answered, and notifications of both kinds to many observers meanwhile. */
import { type Child, startRole } from '../bench/children.ts';
import type { Asked, Notified } from '../bench/coap-loads.ts';
import { median } from '../bench/figures.ts';
import type { Usage } from '../bench/usage.ts';

export interface SoakCounts {
  seconds: number;
  requests: number;
  notifications: number;
  /** medians of the second tenth of the time, when all that is bounded has filled up, and of the last */
  earlyHeapKb: number;
  lateHeapKb: number;
  earlyRssKb: number;
  lateRssKb: number;
  /** {@link SOAK_FAULTS} from here on */
  grown: number;
}

/** What must not be. */
export const SOAK_FAULTS = ['grown'] as const satisfies readonly (keyof SoakCounts)[];

const OBSERVATIONS = 20_000;
const STEP_MS = 2000;
/** Growth of the heap that is no noise. */
const MOST_GROWTH = 0.03;

interface Sample {
  readonly heapKb: number;
  readonly rssKb: number;
}

async function sample(server: Child): Promise<Sample> {
  const heap = await server.ask<number>('heap');
  const { rssMb } = await server.ask<Usage>('usage');
  return { heapKb: heap / 1000, rssKb: rssMb * 1000 };
}

/** The median of each figure in a part of the samples. */
function level(samples: readonly Sample[], from: number, to: number): Sample {
  const part = samples.slice(Math.floor(samples.length * from), Math.ceil(samples.length * to));
  return {
    heapKb: median(part.map(({ heapKb }) => heapKb)),
    rssKb: median(part.map(({ rssKb }) => rssKb)),
  };
}

export async function soak(seconds: number): Promise<SoakCounts> {
  const server = startRole('coap-gateway', ['async']);
  const [asking, observing] = [startRole('coap-load'), startRole('coap-load')];
  try {
    const port = await server.ask<number>('port');
    await observing.ask('observe', { port, count: OBSERVATIONS });
    const asked = asking.ask<Asked>('ask', { port, ms: seconds * 1000 });
    const samples: Sample[] = [];
    let notifications = 0;
    const ends = performance.now() + seconds * 1000;
    for (let round = 0; performance.now() < ends; round++) {
      const how = { ms: STEP_MS, confirmable: round % 2 === 0 };
      notifications += (await server.ask<Notified>('notify', how)).notifications;
      samples.push(await sample(server));
    }
    const early = level(samples, 0.1, 0.2);
    const late = level(samples, 0.9, 1);
    return {
      seconds,
      requests: (await asked).answers,
      notifications,
      earlyHeapKb: early.heapKb,
      lateHeapKb: late.heapKb,
      earlyRssKb: early.rssKb,
      lateRssKb: late.rssKb,
      grown: Number(late.heapKb > early.heapKb * (1 + MOST_GROWTH)),
    };
  } finally {
    await Promise.all([server.stop(), asking.stop(), observing.stop()]);
  }
}
