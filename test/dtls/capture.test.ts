import { describe, expect, test } from 'vitest';
import { dissectDtls, tsharkAvailable, tsharkInstallLine } from '../peers/tshark.ts';
import { openScene, type Scene, type SceneOptions } from './network.ts';
import { scene } from './scenes.ts';

const there = tsharkAvailable();
const missing = there ? '' : ` (missing: ${tsharkInstallLine})`;

/** All datagrams of a scene in their order. */
function capturing(options: SceneOptions): { made: Scene; datagrams: { isUp: boolean; bytes: Buffer }[] } {
  const datagrams: { isUp: boolean; bytes: Buffer }[] = [];
  const made = openScene({
    ...options,
    way: (datagram, pass, direction) => {
      datagrams.push({ isUp: direction === 'up', bytes: Buffer.from(datagram) });
      pass(datagram);
    },
  });
  return { made, datagrams };
}

describe.skipIf(!there)(`Wireshark reads a session with the key log${missing}`, () => {
  test.each<readonly [string, SceneOptions]>([
    ['PSK, CCM_8', {}],
    ['PSK, GCM', { server: { suite: 0x00a8 } }],
    ['with a connection id', { server: { cid: Buffer.from('sid') } }],
    ['certificates', scene('certificate')],
    ['raw public keys', scene('raw public key')],
  ])('%s', async (_name, options) => {
    const { made, datagrams } = capturing(options);
    made.client.send(Buffer.from('reading of a meter'));
    made.server.write(Buffer.from('thanks for it'));
    made.settle();
    made.client.close();
    made.settle();
    const { data, complaints } = await dissectDtls(datagrams, made.told.keyLog);
    expect(complaints).toEqual([]);
    expect(data).toEqual(['reading of a meter', 'thanks for it']);
  });
});
