import type { Logger } from '../base/index.ts';
import type { ObjectDefinition } from '../model/index.ts';
import {
  DONE,
  type InstanceChange,
  type InstanceSetup,
  type Outcome,
  type Refused,
  type ValueSink,
} from '../tree/index.ts';
import {
  type DownloadFailure,
  FIRMWARE_STATES,
  type FirmwareAction,
  type FirmwareEvent,
  type FirmwareState,
  type InstallFailure,
  stepFirmware,
  UPDATE_RESULTS,
  wakeFirmware,
} from './firmware-machine.ts';

/** Resource ids of object 5 v1.2 (OMA Core 1.2.2 E.6). */
export const FIRMWARE_RESOURCES = {
  package: 0,
  packageUri: 1,
  update: 2,
  state: 3,
  result: 5,
  name: 6,
  version: 7,
  protocols: 8,
  deliveryMethod: 9,
  cancel: 10,
  severity: 11,
  lastStateChange: 12,
  maximumDeferPeriod: 13,
} as const;

const R = FIRMWARE_RESOURCES;

/** Push and pull. */
const BOTH_WAYS = 2;

/** A package on its way to its place. */
export interface PackageWriter {
  /** @returns why no more can be taken */
  write(chunk: Uint8Array): Promise<DownloadFailure | undefined>;
  /** All has come: keep it. */
  finish(): Promise<DownloadFailure | undefined>;
  abort(): Promise<void>;
}

/** What an update is made with. None of the promises may reject. */
export interface FirmwarePorts {
  readonly log: Logger;
  readonly timers: { after(ms: number, task: () => void): () => void };
  readonly clock: { now(): number };
  /** of one package */
  readonly mostBytes: number;
  /** Begins a package, in place of the one before. */
  begin(size: number | undefined): PackageWriter;
  readonly hasPackage: boolean;
  discard(): void;
  reach(uri: string): 'fetchable' | 'unsupported' | 'invalid';
  /** @param take false: no more is wanted */
  fetch(
    uri: string,
    take: (chunk: Uint8Array) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<DownloadFailure | undefined>;
  /** Looks at the whole package before the server hears that it is there. */
  verify(): Promise<DownloadFailure | undefined>;
  /** May end with the process being stopped: then what runs after the restart tells how it went. */
  install(): Promise<InstallFailure | undefined>;
  /** Values of 5/x/8. */
  readonly protocols: readonly number[];
  /** Survives a restart. */
  remember(remembered: RememberedFirmware): void;
  /** Resources of the instance have other values now. */
  changed(resources: readonly number[]): void;
}

/** What of an update survives a restart. */
export interface RememberedFirmware {
  readonly state: FirmwareState;
  /** What was installed when it was remembered. */
  readonly version: string;
}

export interface FirmwareUpdate {
  readonly setup: InstanceSetup;
  stop(): void;
}

/** @param version that is installed now @param remembered from before the restart */
export function createFirmwareUpdate(
  definition: ObjectDefinition,
  version: string,
  remembered: RememberedFirmware | undefined,
  ports: FirmwarePorts,
): FirmwareUpdate {
  const { log, timers, clock } = ports;
  let state: FirmwareState =
    remembered === undefined
      ? { phase: 'idle', result: 'initial', uri: '' }
      : wakeFirmware(remembered.state, remembered.version !== version, ports.hasPackage);
  let changedAt = Math.floor(clock.now() / 1000);
  let underWay: { readonly writer: PackageWriter; readonly aborter: AbortController } | undefined;

  const handle = (event: FirmwareEvent): Outcome => {
    const { state: next, answer, action } = stepFirmware(state, event);
    if (next !== state) {
      state = next;
      changedAt = Math.floor(clock.now() / 1000);
      ports.remember({ state, version });
      log.info({ phase: state.phase, result: state.result }, 'firmware update');
      ports.changed([R.packageUri, R.state, R.result, R.lastStateChange]);
    }
    // What it causes comes after the answer.
    if (action !== undefined) timers.after(0, () => act(action));
    return answer;
  };

  const begin = (
    size: number | undefined,
  ): { readonly writer: PackageWriter; readonly aborter: AbortController } => {
    underWay = { writer: ports.begin(size), aborter: new AbortController() };
    return underWay;
  };

  const drop = (): void => {
    underWay?.aborter.abort();
    void underWay?.writer.abort();
    underWay = undefined;
  };

  const arrive = async (writer: PackageWriter): Promise<void> => {
    const why = (await writer.finish()) ?? (await ports.verify());
    if (underWay?.writer !== writer) return;
    underWay = undefined;
    handle(why === undefined ? { type: 'arrived' } : { type: 'lost', why });
  };

  const pull = async (uri: string): Promise<void> => {
    const { writer, aborter } = begin(undefined);
    let full: DownloadFailure | undefined;
    const take = async (chunk: Uint8Array): Promise<boolean> => {
      full = await writer.write(chunk);
      return full === undefined;
    };
    const why = await ports.fetch(uri, take, aborter.signal);
    if (underWay?.writer !== writer) return;
    if (full === undefined && why === undefined) return arrive(writer);
    drop();
    handle({ type: 'lost', why: full ?? why ?? 'connection-lost' });
  };

  const act = (action: FirmwareAction): void => {
    switch (action.type) {
      case 'fetch':
        void pull(action.uri);
        return;
      case 'discard':
        if (state.phase !== 'idle') return;
        drop();
        ports.discard();
        return;
      case 'install':
        void ports.install().then((why) => {
          handle(why === undefined ? { type: 'installed' } : { type: 'not-installed', why });
        });
    }
  };

  /** A package of no byte, or of one that is zero, is none: it resets the update. */
  const isReset = (bytes: Uint8Array): boolean =>
    bytes.length === 0 || (bytes.length === 1 && bytes[0] === 0);

  const openPackage = (size: number | undefined): ValueSink => {
    let first: Uint8Array = new Uint8Array();
    let writer: PackageWriter | undefined;
    let failure: DownloadFailure | undefined;
    const start = (): PackageWriter | Refused => {
      const answer = handle({ type: 'push' });
      return answer.status === 'done' ? begin(size).writer : answer;
    };
    const fail = (why: DownloadFailure): void => {
      failure = why;
      if (underWay?.writer !== writer) return;
      drop();
      handle({ type: 'lost', why });
    };
    return {
      mostBytes: ports.mostBytes,
      async write(chunk) {
        if (writer === undefined && first.length === 0 && isReset(chunk)) {
          first = Uint8Array.from(chunk);
          return undefined;
        }
        if (writer === undefined) {
          const started = start();
          if ('status' in started) return started;
          writer = started;
          if (first.length > 0) await started.write(first);
        }
        // The server learns of a failure by the result, not by the answer (digest 13.2): the rest is let pass.
        const why = failure ?? (await writer?.write(chunk));
        if (why !== undefined && failure === undefined) fail(why);
        return undefined;
      },
      async end() {
        if (writer === undefined) return handle({ type: 'reset' });
        if (failure === undefined) await arrive(writer);
        return DONE;
      },
      abort() {
        if (writer !== undefined && failure === undefined) fail('connection-lost');
      },
    };
  };

  /** A package that came whole in a payload of another format. */
  const takeWhole = async (bytes: Uint8Array): Promise<Outcome> => {
    const sink = openPackage(bytes.length);
    return (await sink.write(bytes)) ?? (await sink.end());
  };

  const setUri = (uri: string): Outcome =>
    handle(uri === '' ? { type: 'reset' } : { type: 'pull', uri, reach: ports.reach(uri) });

  const write = ({ values }: InstanceChange): Outcome | Promise<Outcome> => {
    const bytes = values.get(R.package);
    const uri = values.get(R.packageUri);
    if (bytes instanceof Uint8Array) return takeWhole(bytes);
    return typeof uri === 'string' ? setUri(uri) : DONE;
  };

  const check = ({ values }: InstanceChange): Refused | undefined =>
    values.has(R.package) && values.has(R.packageUri)
      ? { status: 'bad-request', message: 'a package is pushed or pulled, not both' }
      : undefined;

  const setup: InstanceSetup = {
    definition,
    instance: 0,
    resources: [
      { id: R.package, sink: openPackage },
      { id: R.packageUri, compute: () => state.uri },
      { id: R.update, execute: () => handle({ type: 'install' }) },
      { id: R.state, compute: () => FIRMWARE_STATES[state.phase] },
      { id: R.result, compute: () => UPDATE_RESULTS[state.result] },
      { id: R.version, value: version },
      { id: R.protocols, value: new Map(ports.protocols.map((protocol, index) => [index, protocol])) },
      { id: R.deliveryMethod, value: BOTH_WAYS },
      { id: R.cancel, execute: () => handle({ type: 'cancel' }) },
      { id: R.severity, value: 1 },
      { id: R.lastStateChange, compute: () => changedAt },
      { id: R.maximumDeferPeriod, value: 0 },
    ],
    check,
    write,
  };
  if (remembered !== undefined && state !== remembered.state) ports.remember({ state, version });
  return { setup, stop: drop };
}

/** What {@link FirmwarePorts.remember} was given, from JSON; undefined: nothing that makes sense. */
export function readRememberedFirmware(document: unknown): RememberedFirmware | undefined {
  const { state, version } = (document ?? {}) as { state?: Partial<FirmwareState>; version?: unknown };
  const { phase, result, uri } = state ?? {};
  if (phase === undefined || !Object.hasOwn(FIRMWARE_STATES, phase)) return undefined;
  if (result === undefined || !Object.hasOwn(UPDATE_RESULTS, result)) return undefined;
  return typeof uri === 'string' && typeof version === 'string'
    ? { state: { phase, result, uri }, version }
    : undefined;
}
