/**
 * Our CoAP layer with a handler that has nothing to do: GET of anything, and observations of /o.
 * Argument: `async` for a handler that answers by a promise.
 */
import { systemClock } from '../../../src/base/index.ts';
import { type CoapResponse, createEndpoint, type ServerObservation } from '../../../src/coap/index.ts';
import { openUdpServer } from '../../../src/transport/index.ts';
import { answerParent } from '../children.ts';
import type { Notified, ToNotify } from '../coap-loads.ts';
import { heapInUse, usage } from '../usage.ts';

const RESPONSE: CoapResponse = { code: '2.05', contentFormat: 0, payload: Buffer.from('1234567') };
/** Confirmable notifications under way at the same time. */
const WINDOW = 512;
/** Of those to one peer. */
const NSTART = 64;
/** Other notifications before the socket gets its turn. */
const BATCH = 64;

const observations: ServerObservation[] = [];
const observable: CoapResponse = {
  ...RESPONSE,
  onObserve: (observation) => observations.push(observation),
};
const isAsync = process.argv[2] === 'async';
const transport = await openUdpServer({ host: '127.0.0.1', port: 0 });
const endpoint = createEndpoint({
  transport,
  clock: systemClock,
  random: Math.random,
  parameters: { nstart: NSTART },
  handler({ observe }) {
    const response = observe === 0 ? observable : RESPONSE;
    return isAsync ? Promise.resolve(response) : response;
  },
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Each observation in its turn. */
async function notify({ ms, confirmable }: ToNotify): Promise<Notified> {
  let notifications = 0;
  let underWay = 0;
  let next = 0;
  const onSettled = (): void => {
    notifications++;
    underWay--;
  };
  const started = performance.now();
  while (performance.now() - started < ms) {
    for (let sent = 0; sent < BATCH && underWay < WINDOW; sent++) {
      underWay++;
      observations[next]?.notify(RESPONSE, { confirmable, onSettled });
      next = (next + 1) % observations.length;
    }
    await turn();
  }
  return { notifications, perSecond: (notifications * 1000) / (performance.now() - started) };
}

answerParent({
  port: () => transport.localPort,
  usage,
  heap: heapInUse,
  statistics: endpoint.statistics,
  observations: () => observations.length,
  notify,
});
