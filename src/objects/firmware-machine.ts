import { DONE, type Outcome, type Refused } from '../tree/index.ts';

/** Values of 5/x/3 (OMA Core 1.2.2 E.6). */
export const FIRMWARE_STATES = { idle: 0, downloading: 1, downloaded: 2, updating: 3 } as const;

/** Values of 5/x/5 (OMA Core 1.2.2 E.6). */
export const UPDATE_RESULTS = {
  initial: 0,
  success: 1,
  'no-space': 2,
  'no-memory': 3,
  'connection-lost': 4,
  integrity: 5,
  'package-type': 6,
  'invalid-uri': 7,
  failed: 8,
  'unsupported-protocol': 9,
  cancelled: 10,
  deferred: 11,
} as const;

export type UpdateResult = keyof typeof UPDATE_RESULTS;

/** Why a package did not arrive. */
export type DownloadFailure = Extract<
  UpdateResult,
  'no-space' | 'no-memory' | 'connection-lost' | 'integrity' | 'package-type' | 'invalid-uri'
>;

/** Why a package was not installed. */
export type InstallFailure = Extract<UpdateResult, 'integrity' | 'package-type' | 'failed'>;

/** A firmware update as the server sees it; survives a restart. */
export interface FirmwareState {
  readonly phase: keyof typeof FIRMWARE_STATES;
  readonly result: UpdateResult;
  /** 5/x/1: where the package comes from; '' when it is pushed */
  readonly uri: string;
}

export type FirmwareEvent =
  /** the server begins to write the package */
  | { readonly type: 'push' }
  /** the package is here, and is what it should be */
  | { readonly type: 'arrived' }
  | { readonly type: 'lost'; readonly why: DownloadFailure }
  /** the server writes a URI; `reach`: whether we can fetch from there */
  | { readonly type: 'pull'; readonly uri: string; readonly reach: 'fetchable' | 'unsupported' | 'invalid' }
  /** the server writes an empty URI, or a package of one zero byte */
  | { readonly type: 'reset' }
  /** the server executes Cancel (5/x/10) */
  | { readonly type: 'cancel' }
  /** the server executes Update (5/x/2) */
  | { readonly type: 'install' }
  | { readonly type: 'installed' }
  | { readonly type: 'not-installed'; readonly why: InstallFailure };

export type FirmwareAction =
  | { readonly type: 'fetch'; readonly uri: string }
  /** stop whatever is under way, and throw the package away */
  | { readonly type: 'discard' }
  | { readonly type: 'install' };

/** What comes of an event: the next state, what the server is answered, and what is to be done. */
export interface FirmwareStep {
  readonly state: FirmwareState;
  readonly answer: Outcome;
  readonly action?: FirmwareAction;
}

export const IDLE: FirmwareState = { phase: 'idle', result: 'initial', uri: '' };

const refuse = (state: FirmwareState, status: Refused['status'], message: string): FirmwareStep => ({
  state,
  answer: { status, message },
});

/** A package is there, or on its way. */
const hasPackage = ({ phase }: FirmwareState): boolean => phase === 'downloading' || phase === 'downloaded';

/** While an update is made nothing can be changed; else there is a package in the way. */
function busy(state: FirmwareState): FirmwareStep {
  return state.phase === 'updating'
    ? refuse(state, 'not-allowed', 'the update is being made')
    : refuse(state, 'bad-request', 'there is a package already; reset or cancel first');
}

function pull(state: FirmwareState, { uri, reach }: FirmwareEvent & { type: 'pull' }): FirmwareStep {
  if (state.phase !== 'idle') return busy(state);
  switch (reach) {
    case 'unsupported':
      return {
        state: { ...IDLE, uri, result: 'unsupported-protocol' },
        answer: { status: 'bad-request', message: 'no such protocol here' },
      };
    case 'invalid':
      // Accepted, and found wanting when it is tried (ETS int-778).
      return { state: { ...IDLE, uri, result: 'invalid-uri' }, answer: DONE };
    case 'fetchable':
      return {
        state: { phase: 'downloading', result: 'initial', uri },
        answer: DONE,
        action: { type: 'fetch', uri },
      };
  }
}

/**
 * The Firmware Update object as a pure machine (OMA Core 1.2.2 E.6, figure E.6.1-1). Answers to events that no server
 * caused are of no meaning.
 */
export function stepFirmware(state: FirmwareState, event: FirmwareEvent): FirmwareStep {
  const unchanged: FirmwareStep = { state, answer: DONE };
  switch (event.type) {
    case 'push':
      if (state.phase !== 'idle') return busy(state);
      return { state: { ...IDLE, phase: 'downloading' }, answer: DONE };
    case 'arrived':
      if (state.phase !== 'downloading') return unchanged;
      return { state: { ...state, phase: 'downloaded', result: 'initial' }, answer: DONE };
    case 'lost':
      if (state.phase !== 'downloading') return unchanged;
      return {
        state: { ...state, phase: 'idle', result: event.why },
        answer: DONE,
        action: { type: 'discard' },
      };
    case 'pull':
      return pull(state, event);
    case 'reset':
      if (state.phase === 'updating') return busy(state);
      return { state: IDLE, answer: DONE, action: { type: 'discard' } };
    case 'cancel':
      if (!hasPackage(state)) return refuse(state, 'not-allowed', 'there is nothing to cancel');
      return { state: { ...IDLE, result: 'cancelled' }, answer: DONE, action: { type: 'discard' } };
    case 'install':
      if (state.phase !== 'downloaded') return refuse(state, 'not-allowed', 'there is no package to install');
      return {
        state: { ...state, phase: 'updating', result: 'initial' },
        answer: DONE,
        action: { type: 'install' },
      };
    case 'installed':
      if (state.phase !== 'updating') return unchanged;
      return { state: { ...IDLE, result: 'success' }, answer: DONE, action: { type: 'discard' } };
    case 'not-installed':
      if (state.phase !== 'updating') return unchanged;
      // The package may be tried again, unless it is broken.
      return event.why === 'failed'
        ? { state: { ...state, phase: 'downloaded', result: 'failed' }, answer: DONE }
        : { state: { ...IDLE, result: event.why }, answer: DONE, action: { type: 'discard' } };
  }
}

/** The state in which a box wakes up: what was on its way is lost, what was whole is not. */
export function wakeFirmware(
  state: FirmwareState,
  isAnotherVersion: boolean,
  hasFile: boolean,
): FirmwareState {
  switch (state.phase) {
    case 'idle':
      return state;
    case 'downloading':
      return { ...IDLE, result: 'connection-lost' };
    case 'downloaded':
      return hasFile ? state : IDLE;
    case 'updating':
      return stepFirmware(
        state,
        isAnotherVersion ? { type: 'installed' } : { type: 'not-installed', why: 'failed' },
      ).state;
  }
}
