import { expect, test } from 'vitest';
import { configOf, faultsOf } from './support.ts';

const withBox = (box: string): string =>
  `profilePaths: [profiles]\nupstream: { endpoint: gw, servers: [ { uri: "coap://h" } ] }\nbox: ${box}\n`;

test('a box needs nothing', () => {
  expect(configOf(withBox('{}')).box).toEqual({});
});

test('a box can be told where it is, and what it may do', () => {
  const box =
    '{ location: { latitude: 48.2, longitude: 16.37, radius: 5 }, reboot: [/sbin/reboot, now], setTime: [date], firmware: { install: [/opt/install], timeout: 90s } }';
  expect(configOf(withBox(box)).box).toEqual({
    location: { latitude: 48.2, longitude: 16.37, radius: 5 },
    reboot: ['/sbin/reboot', 'now'],
    setTime: ['date'],
    firmware: {
      install: ['/opt/install'],
      mostBytes: 134_217_728,
      spareBytes: 67_108_864,
      timeoutS: 90,
    },
  });
});

test('what is wrong with a box is told by its place', () => {
  expect(
    faultsOf(withBox('{ location: { latitude: 91, longitude: 0 }, firmware: { install: [] } }')),
  ).toEqual([
    expect.stringMatching(/^gateway\.yaml:3:\d+ box\.location\.latitude: /),
    expect.stringMatching(/^gateway\.yaml:3:\d+ box\.firmware\.install/),
  ]);
  expect(faultsOf(withBox('{ reboot: "rm -rf /" }'))).toEqual([
    expect.stringMatching(/^gateway\.yaml:3:\d+ box\.reboot: .*a list of a program and its arguments/),
  ]);
});
