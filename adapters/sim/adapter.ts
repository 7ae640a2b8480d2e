import {
  type Adapter,
  type AdapterHost,
  type AttachedDevice,
  createSignal,
  type DevicePlan,
  type DeviceState,
  durationMs,
  type FieldValue,
  type PointId,
  type PointPlan,
  type Sample,
  type WriteOperation,
  type WriteResult,
} from 'lwm2m-gateway/adapter';
import { readPackage } from './firmware.ts';
import { createWave, type Wave, type WaveKeys } from './waves.ts';

type ConnectionState = 'new' | 'open' | 'closed';

interface SimulatedPoint {
  /** absent: the version of the firmware */
  readonly wave: Wave | undefined;
  readonly isReadable: boolean;
  readonly isWritable: boolean;
  /** what a setting may be set to */
  readonly low: number;
  readonly high: number;
}

/** Devices of one profile share their points. */
const simulated = new WeakMap<PointPlan, SimulatedPoint>();

const OPEN: DeviceState = { reachable: true };
const UNREACHABLE = {
  new: { reachable: false, cause: 'disconnected' },
  closed: { reachable: false, cause: 'closed' },
} as const satisfies Record<string, DeviceState>;

export function openConnection(host: AdapterHost): Adapter {
  const changes = createSignal<void>();
  const counts = { reads: 0, writes: 0 };
  let state: ConnectionState = 'new';
  const become = (next: ConnectionState): void => {
    if (state === next || state === 'closed') return;
    state = next;
    changes.emit();
  };

  function attach(plan: DevicePlan): AttachedDevice {
    let version = plan.settings.firmware;
    const written = new Map<PointId, FieldValue>();
    const aheadMs = durationMs(typeof plan.settings.ahead === 'string' ? plan.settings.ahead : '0s');
    const states = createSignal<DeviceState>();
    const stopListening = changes.subscribe(() => states.emit(stateNow()));
    let isDetached = false;

    function pointAt(id: PointId): SimulatedPoint | undefined {
      const point = plan.points.get(id);
      return point === undefined ? undefined : pointOf(point);
    }

    function stateNow(): DeviceState {
      if (isDetached) return UNREACHABLE.closed;
      return state === 'open' ? OPEN : UNREACHABLE[state];
    }

    function sampleOf(id: PointId): Sample {
      const at = host.clock.now();
      const now = stateNow();
      if (now.cause !== undefined) return { point: id, cause: now.cause, at };
      const point = pointAt(id);
      if (point === undefined) return { point: id, cause: 'rejected', at };
      if (!point.isReadable) return { point: id, cause: 'forbidden', at };
      const value = written.get(id) ?? point.wave?.(at + aheadMs) ?? String(version);
      return { point: id, value, at, quality: 4 };
    }

    function writeOne({ point: id, value }: WriteOperation): WriteResult {
      const failed = { point: id, status: 'failed' } as const;
      const now = stateNow();
      if (now.cause !== undefined)
        return { ...failed, cause: now.cause, message: 'the connection is not open' };
      const point = pointAt(id);
      if (point === undefined)
        return { ...failed, cause: 'rejected', message: `the device has no point ${id}` };
      if (!point.isWritable)
        return { ...failed, cause: 'forbidden', message: `point ${id} can only be read` };
      if (!fits(value, point))
        return { ...failed, cause: 'forbidden', message: `${value} does not fit point ${id}` };
      written.set(id, value);
      return { point: id, status: 'done' };
    }

    const updateFirmware: AttachedDevice['updateFirmware'] = async (image) => {
      const content = await readPackage(image);
      if ('status' in content) return content;
      version = content.version;
      return { status: 'done' };
    };

    return {
      ...(version === undefined ? {} : { updateFirmware }),
      async read(asked) {
        counts.reads++;
        return asked.map(sampleOf);
      },
      async write(operations) {
        counts.writes++;
        return operations.map(writeOne);
      },
      onSamples: () => () => {},
      onState: (listener) => states.subscribe(listener),
      get state() {
        return stateNow();
      },
      detach() {
        isDetached = true;
        stopListening();
      },
    };
  }

  return {
    start: () => become('open'),
    attach,
    statistics: () => ({ ...counts }),
    async close() {
      become('closed');
    },
  };
}

function pointOf(plan: PointPlan): SimulatedPoint {
  const known = simulated.get(plan);
  if (known !== undefined) return known;
  const { address, access } = plan;
  const keys = address as unknown as WaveKeys;
  const point = {
    wave: keys.wave === 'firmware' ? undefined : createWave(keys),
    isReadable: access !== 'w',
    isWritable: access !== 'r' && keys.wave === 'setting',
    low: keys.low ?? Number.NEGATIVE_INFINITY,
    high: keys.high ?? Number.POSITIVE_INFINITY,
  };
  simulated.set(plan, point);
  return point;
}

/** A setting keeps its type, and a number is finite and keeps its range. */
function fits(value: FieldValue, point: SimulatedPoint): boolean {
  if (typeof value !== typeof point.wave?.(0)) return false;
  return typeof value !== 'number' || (Number.isFinite(value) && value >= point.low && value <= point.high);
}
