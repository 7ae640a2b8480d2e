import { createHash } from 'node:crypto';
import type { DeviceMemory } from '../adapter/index.ts';
import { type Cancel, messageOf, type Timers } from '../base/index.ts';
import { openStateFile } from '../store/index.ts';
import { type DamageReport, loadMended } from './mended.ts';
import type { PlannedDevice } from './plan.ts';

/** What is kept of one device; both parts are plain data of whoever made them. */
interface Kept {
  /** of what the device was made of then */
  readonly digest: string;
  /** what its adapter has learned */
  readonly learned?: unknown;
  /** where its counters stood */
  readonly marks?: unknown;
}

/** One device's part of the memory. */
export interface MemoryOfDevice extends DeviceMemory {
  /** Where its counters stood when it was last kept. */
  readonly marks: unknown;
}

export interface MemoryStatistics {
  /** devices that went on with what was kept of them */
  readonly restored: number;
  /** devices that did not, since their profile, settings or connection are others now */
  readonly outdated: number;
  /** what an adapter wanted to be kept and was too large */
  readonly tooLarge: number;
  /** times that the file could not be written */
  readonly unwritten: number;
}

/** What the field side has learned and would not like to learn again after a restart. Losing it costs time, not truth. */
export interface FieldMemory {
  /** The part of a device that starts now; its id is the Device ID. */
  of(deviceId: string, digest: string): MemoryOfDevice;
  /** Takes note of where the counters of a device stand, for when it starts again. */
  note(deviceId: string, marks: unknown): void;
  /** Forgets all but these. */
  forgetOthers(deviceIds: Iterable<string>): void;
  readonly statistics: MemoryStatistics;
  /** Writes it once more, and no more after that. */
  close(): Promise<void>;
}

/** What an adapter may keep of one device, as JSON. */
const MOST_LEARNED_BYTES = 64 * 1024;

/** So much may be lost by a power cut; flash wears out by being written. */
const SAVE_EVERY_MS = 10 * 60_000;

const SCHEMA = 1;

const digestOf = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

/** Devices share their profiles, which are large. */
const profileDigests = new WeakMap<object, string>();

/** Names what a device is made of: another profile, address or connection may mean another meter, or other registers. */
export function deviceDigest({ config: { profile, settings }, connection }: PlannedDevice): string {
  const known = profileDigests.get(profile) ?? digestOf(profile);
  profileDigests.set(profile, known);
  return digestOf(known, settings, connection);
}

function isKept(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Kept>).digest === 'string';
}

function readKept(document: unknown): Map<string, Kept> {
  const { schema, devices } = (document ?? {}) as { schema?: unknown; devices?: unknown };
  if (schema !== SCHEMA || typeof devices !== 'object' || devices === null) return new Map();
  return new Map(Object.entries(devices).filter((entry): entry is [string, Kept] => isKept(entry[1])));
}

export interface FieldMemoryPorts extends DamageReport {
  readonly timers: Timers;
}

/**
 * @param file may be absent or damaged: then nothing is remembered
 * @param beforeSave to {@link FieldMemory.note} all devices there are
 */
export function openFieldMemory(
  file: string,
  ports: FieldMemoryPorts,
  beforeSave: (memory: FieldMemory) => void,
): FieldMemory {
  const { timers, log } = ports;
  const state = openStateFile(file);
  const statistics = { restored: 0, outdated: 0, tooLarge: 0, unwritten: 0 };
  const devices = loadMended(state, readKept, new Map<string, Kept>(), ports);
  let saved = '';
  /** Nothing is to be saved, and no process kept alive, before there is a device. */
  let cancel: Cancel | undefined;

  function schedule(): Cancel {
    return timers.after(SAVE_EVERY_MS, () => {
      cancel = schedule();
      void save();
    });
  }

  async function save(): Promise<void> {
    beforeSave(memory);
    const document = { schema: SCHEMA, devices: Object.fromEntries(devices) };
    const text = JSON.stringify(document);
    if (text === saved) return;
    try {
      await state.save(document);
      saved = text;
    } catch (error) {
      statistics.unwritten++;
      log.warn({ problem: messageOf(error) }, 'what was learned of devices cannot be kept');
    }
  }

  const change = (deviceId: string, part: Omit<Kept, 'digest'>): void => {
    const kept = devices.get(deviceId);
    if (kept !== undefined) devices.set(deviceId, { ...kept, ...part });
  };

  /** What a device still says that has gone must not become what is known of the one after it. */
  const keep = (deviceId: string, digest: string, learned: unknown): void => {
    if (devices.get(deviceId)?.digest !== digest) return;
    const text = JSON.stringify(learned);
    if ((text?.length ?? 0) > MOST_LEARNED_BYTES) statistics.tooLarge++;
    else change(deviceId, { learned: text === undefined ? undefined : JSON.parse(text) });
  };

  const memory: FieldMemory = {
    statistics,
    of(deviceId, digest) {
      cancel ??= schedule();
      const known = devices.get(deviceId);
      const isSame = known?.digest === digest;
      if (isSame) statistics.restored++;
      else if (known !== undefined) statistics.outdated++;
      const kept = isSame ? known : { digest };
      devices.set(deviceId, kept);
      return {
        learned: kept.learned,
        marks: kept.marks,
        keep: (learned) => keep(deviceId, digest, learned),
      };
    },
    note: (deviceId, marks) => change(deviceId, { marks }),
    forgetOthers(deviceIds) {
      const there = new Set(deviceIds);
      for (const id of devices.keys()) if (!there.has(id)) devices.delete(id);
    },
    async close() {
      if (cancel === undefined) return;
      cancel();
      await save();
    },
  };
  return memory;
}
