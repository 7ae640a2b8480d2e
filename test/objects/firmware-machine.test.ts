import { describe, expect, test } from 'vitest';
import {
  type FirmwareEvent,
  type FirmwareState,
  IDLE,
  stepFirmware,
  wakeFirmware,
} from '../../src/objects/firmware-machine.ts';

const PUSH: FirmwareEvent = { type: 'push' };
const ARRIVED: FirmwareEvent = { type: 'arrived' };
const INSTALL: FirmwareEvent = { type: 'install' };
const RESET: FirmwareEvent = { type: 'reset' };
const CANCEL: FirmwareEvent = { type: 'cancel' };
const pull = (reach: 'fetchable' | 'unsupported' | 'invalid' = 'fetchable'): FirmwareEvent => ({
  type: 'pull',
  uri: 'coap://s.example/fw',
  reach,
});

const after = (...events: FirmwareEvent[]): FirmwareState =>
  events.reduce((state, event) => stepFirmware(state, event).state, IDLE);
const answered = (state: FirmwareState, event: FirmwareEvent): string =>
  stepFirmware(state, event).answer.status;

const DOWNLOADING = after(PUSH);
const DOWNLOADED = after(PUSH, ARRIVED);
const UPDATING = after(PUSH, ARRIVED, INSTALL);

describe('the Firmware Update object (OMA Core 1.2.2 E.6)', () => {
  test('int-770 pushed: Idle, Downloading, Downloaded, Updating, and Idle with result 1', () => {
    expect([IDLE, DOWNLOADING, DOWNLOADED, UPDATING].map(({ phase }) => phase)).toEqual([
      'idle',
      'downloading',
      'downloaded',
      'updating',
    ]);
    expect(stepFirmware(DOWNLOADED, INSTALL).action).toEqual({ type: 'install' });
    expect(stepFirmware(UPDATING, { type: 'installed' })).toMatchObject({
      state: { phase: 'idle', result: 'success' },
      action: { type: 'discard' },
    });
  });

  test('int-771 pulled: the URI is fetched', () => {
    expect(stepFirmware(IDLE, pull())).toMatchObject({
      state: { phase: 'downloading', result: 'initial', uri: 'coap://s.example/fw' },
      action: { type: 'fetch', uri: 'coap://s.example/fw' },
      answer: { status: 'done' },
    });
    expect(after(pull(), ARRIVED)).toMatchObject({ phase: 'downloaded', uri: 'coap://s.example/fw' });
  });

  test.each([
    ['int-773', 'no-space'],
    ['int-774', 'no-memory'],
    ['int-775', 'connection-lost'],
    ['int-776', 'integrity'],
    ['int-777', 'package-type'],
  ] as const)('%s a package that does not arrive: Idle with %s', (_, why) => {
    expect(stepFirmware(DOWNLOADING, { type: 'lost', why })).toMatchObject({
      state: { phase: 'idle', result: why },
      action: { type: 'discard' },
    });
  });

  test('int-778 a URI that leads nowhere is taken, with result 7; int-780 a protocol that is not here gives 9', () => {
    expect(stepFirmware(IDLE, pull('invalid'))).toMatchObject({
      state: { phase: 'idle', result: 'invalid-uri' },
      answer: { status: 'done' },
    });
    expect(stepFirmware(IDLE, pull('unsupported'))).toMatchObject({
      state: { phase: 'idle', result: 'unsupported-protocol' },
      answer: { status: 'bad-request' },
    });
  });

  test('int-772 Update without a package is refused, and changes nothing', () => {
    for (const state of [IDLE, DOWNLOADING, UPDATING]) {
      expect(answered(state, INSTALL)).toBe('not-allowed');
      expect(stepFirmware(state, INSTALL).state).toBe(state);
    }
  });

  test('int-779 an update that fails leaves the package to be tried again; a broken package goes', () => {
    expect(stepFirmware(UPDATING, { type: 'not-installed', why: 'failed' }).state).toMatchObject({
      phase: 'downloaded',
      result: 'failed',
    });
    expect(stepFirmware(UPDATING, { type: 'not-installed', why: 'integrity' })).toMatchObject({
      state: { phase: 'idle', result: 'integrity' },
      action: { type: 'discard' },
    });
  });

  test('a second package is refused while there is one', () => {
    for (const event of [PUSH, pull()]) {
      expect(answered(DOWNLOADING, event)).toBe('bad-request');
      expect(answered(DOWNLOADED, event)).toBe('bad-request');
      expect(answered(UPDATING, event)).toBe('not-allowed');
    }
  });

  test('a reset throws everything away, but not while the update is made', () => {
    for (const state of [IDLE, DOWNLOADING, DOWNLOADED])
      expect(stepFirmware(state, RESET)).toMatchObject({ state: IDLE, action: { type: 'discard' } });
    expect(answered(UPDATING, RESET)).toBe('not-allowed');
  });

  test('Cancel is for packages only (1.1)', () => {
    for (const state of [DOWNLOADING, DOWNLOADED])
      expect(stepFirmware(state, CANCEL).state).toMatchObject({ phase: 'idle', result: 'cancelled' });
    for (const state of [IDLE, UPDATING]) expect(answered(state, CANCEL)).toBe('not-allowed');
  });

  test('what comes too late changes nothing', () => {
    expect(stepFirmware(IDLE, ARRIVED)).toEqual({ state: IDLE, answer: { status: 'done' } });
    expect(stepFirmware(IDLE, { type: 'lost', why: 'integrity' }).state).toBe(IDLE);
    expect(stepFirmware(IDLE, { type: 'installed' }).state).toBe(IDLE);
  });
});

describe('after a restart', () => {
  test.each([
    ['a download that was cut', DOWNLOADING, false, false, 'idle', 'connection-lost'],
    ['a package that is still there', DOWNLOADED, false, true, 'downloaded', 'initial'],
    ['a package that is gone', DOWNLOADED, false, false, 'idle', 'initial'],
    ['an update that worked', UPDATING, true, true, 'idle', 'success'],
    ['an update that did not', UPDATING, false, true, 'downloaded', 'failed'],
  ] as const)('%s', (_, state, isAnotherVersion, hasFile, phase, result) => {
    expect(wakeFirmware(state, isAnotherVersion, hasFile)).toMatchObject({ phase, result });
  });

  test('State and Result stay readable until the next download', () => {
    const done = { ...IDLE, result: 'success' } as const;
    expect(wakeFirmware(done, false, false)).toBe(done);
  });
});
