import { expect, test } from 'vitest';
import type { CoapAnswer } from '../../src/coap/index.ts';
import { type ourClient, text, until } from './ends.ts';

/** What our client must get from libcoap's example server over any carrier. */
export function testLibcoapServer(open: () => ReturnType<typeof ourClient>): void {
  test('ping, GET, and a path that is not there', async () => {
    const { endpoint, peer } = await open();
    await endpoint.ping(peer);
    const { code, contentFormat, payload } = await endpoint.request(peer, {
      method: 'GET',
      path: ['.well-known', 'core'],
    });
    expect([code, contentFormat]).toEqual(['2.05', 40]);
    expect(text(payload)).toContain('</time>');
    expect((await endpoint.request(peer, { method: 'GET', path: ['nothing'] })).code).toBe('4.04');
  });

  test('observes the clock, and stops', async () => {
    const { endpoint, peer } = await open();
    const heard: CoapAnswer[] = [];
    const observation = await endpoint.observe(peer, { method: 'GET', path: ['time'] }, (notification) =>
      heard.push(notification),
    );
    expect(observation.isObserving).toBe(true);
    await until(() => heard.length >= 2);
    await observation.cancel();
    expect(endpoint.statistics().expected).toBe(0);
  });
}
