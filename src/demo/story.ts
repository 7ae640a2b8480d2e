import { type Clock, isGatewayError, messageOf } from '../base/index.ts';
import { type Entry, omaRegistry, type Value } from '../model/index.ts';
import type { AnnouncedDevice, RegisteredClient, UpstreamServer } from './upstream.ts';

/** What the story needs of the field: meters that can be pulled out, and a register that a server writes. */
export interface DemoField {
  /** Ids of the simulated meters, in the order of their Device IDs. */
  readonly meters: readonly string[];
  setPresent(meter: string, present: boolean): void;
  /** Path below the prefix of a measured resource that is read at each poll. */
  readonly probe: string;
  /** Path below the prefix of a writable resource, e.g. `3308/0/5900`, two values to write, and what the register holds. */
  readonly setPoint: {
    readonly path: string;
    readonly values: readonly [number, number];
    register(meter: string): unknown;
  };
}

export interface StoryPorts {
  readonly clock: Clock;
  readonly upstream: UpstreamServer;
  readonly field: DemoField;
  print(line: string): void;
}

/** A promise of the demo, kept or not. */
export interface Chapter {
  readonly promise: string;
  readonly kept: boolean;
  readonly detail: string;
}

/** Objects that show measurements; the first that a device has is observed. */
const MEASURING = [10242, 10243, 3305] as const;

/** Shown per notification: voltage, current, power and energy of 10242, as far as they are there. */
const SHOWN = [4, 5, 34, 41, 49];

/** How long each step may take before it counts as broken. */
const PATIENCE_MS = 10_000;
const STEP_MS = 3000;

const pause = (clock: Clock, ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

async function until(clock: Clock, what: string, isSo: () => boolean): Promise<void> {
  const giveUpAt = clock.monotonic() + PATIENCE_MS;
  while (!isSo()) {
    if (clock.monotonic() > giveUpAt) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
    await pause(clock, 50);
  }
}

function shown(value: Value): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** `V1 230.4 V`, `A1 4.12 A`: the values with their units from the registry. */
function measurements(entries: readonly Entry[], now: number): string {
  const texts = entries
    .filter(({ path }) => path.ids[0] !== 10242 || SHOWN.includes(path.ids[2] ?? -1))
    .map(({ path, value }) => {
      const resource = omaRegistry()
        .find(path.ids[0] ?? -1)
        ?.resources.get(path.ids[2] ?? -1);
      return `${shown(value)} ${resource?.unit ?? ''}`.trim();
    });
  const ages = entries.flatMap(({ at }) => (at === undefined ? [] : [now - at]));
  const age = ages.length === 0 ? '' : `, age ${Math.max(0, Math.round(Math.min(...ages)))} ms`;
  return `${texts.join('  ')}${age}`;
}

/** What the server has heard of one meter. */
interface Heard {
  readonly device: AnnouncedDevice;
  notifications: number;
  /** When the last notification came, monotonic ms. */
  at: number;
}

/** Tells the story once: the server finds the meters, hears of them, writes to one, misses one, has it back. */
export async function tellStory({ clock, upstream, field, print }: StoryPorts): Promise<Chapter[]> {
  const start = clock.monotonic();
  const chapters: Chapter[] = [];
  const heard = new Map<string, Heard>();
  const say = (line: string): void =>
    print(`${((clock.monotonic() - start) / 1000).toFixed(1).padStart(6)} s  ${line}`);

  const chapter = async (promise: string, tell: () => Promise<string>): Promise<void> => {
    try {
      const detail = await tell();
      chapters.push({ promise, kept: true, detail });
      say(detail);
    } catch (error) {
      chapters.push({ promise, kept: false, detail: messageOf(error) });
      say(`NOT AS PROMISED (${promise}): ${messageOf(error)}`);
    }
  };
  const gateway = (): RegisteredClient => {
    const [client] = upstream.clients.values();
    if (client === undefined) throw new Error('no gateway is registered');
    return client;
  };
  const meterAt = (index: number): Heard & { readonly id: string } => {
    const one = [...heard.values()][index];
    const id = field.meters[index];
    if (one === undefined || id === undefined) throw new Error(`there is no meter ${index + 1}`);
    return Object.assign(one, { id });
  };

  const listen = async (device: AnnouncedDevice): Promise<void> => {
    const objects = new Set(device.objects.map(({ target }) => Number(target.split('/')[1])));
    const object = MEASURING.find((id) => objects.has(id));
    const one: Heard = { device, notifications: 0, at: clock.monotonic() };
    heard.set(device.deviceId, one);
    const path = `/${device.prefix}/${object}/0`;
    await upstream.observe(gateway().endpoint, path, (entries) => {
      one.notifications++;
      one.at = clock.monotonic();
      say(`notify ${path}  ${measurements(entries, clock.now())}`);
    });
  };

  await chapter('the gateway registers', async () => {
    await until(clock, 'registration', () => upstream.clients.size > 0);
    const { endpoint, release, lifetimeS, objects } = gateway();
    return `registered: ${endpoint}, LwM2M ${release}, lifetime ${lifetimeS} s, ${objects.map(({ target }) => target).join(' ')}`;
  });

  await chapter('the server finds every meter through /25', async () => {
    const devices = await upstream.devices(gateway().endpoint);
    for (const { deviceId, prefix, objects } of devices) {
      say(`found /${prefix}  ${deviceId}  ${objects.map(({ target }) => target).join(' ')}`);
    }
    if (devices.length !== field.meters.length)
      throw new Error(`found ${devices.length} of ${field.meters.length}`);
    await Promise.all(devices.map(listen));
    return `found ${devices.length} meters, and observes them`;
  });

  await chapter('live values of every meter arrive by notification', async () => {
    await pause(clock, STEP_MS);
    await until(clock, 'notifications', () =>
      [...heard.values()].every(({ notifications }) => notifications >= 2),
    );
    return `notifications from all ${heard.size} meters`;
  });

  await chapter('a write travels down to the register and comes back', async () => {
    const { device, id } = meterAt(0);
    const path = `/${device.prefix}/${field.setPoint.path}`;
    const [before] = await upstream.read(gateway().endpoint, path);
    const [low, high] = field.setPoint.values;
    const wanted = before?.value === low ? high : low;
    await upstream.write(gateway().endpoint, path, String(wanted));
    const [after] = await upstream.read(gateway().endpoint, path);
    if (after?.value !== wanted) throw new Error(`wrote ${wanted}, read ${after?.value}`);
    return `wrote ${path}: ${before?.value} -> ${wanted}; the register of ${id} holds ${field.setPoint.register(id)}, read back ${after.value}`;
  });

  await chapter('a meter that is pulled out is told as unreachable, never as 0', async () => {
    const { device, id } = meterAt(1);
    field.setPresent(id, false);
    say(`pulled ${id} out`);
    const path = `/${device.prefix}/${field.probe}`;
    let code = '';
    const giveUpAt = clock.monotonic() + PATIENCE_MS;
    while (code === '' && clock.monotonic() < giveUpAt) {
      code = await upstream.read(gateway().endpoint, path).then(
        () => '',
        (error: unknown) =>
          isGatewayError(error, 'demo.refused') ? String(error.data?.code) : messageOf(error),
      );
      if (code === '') await pause(clock, 250);
    }
    if (!/^5\.0[34]$/.test(code))
      throw new Error(`a read of ${path} is answered ${code === '' ? 'with a value' : code}`);
    return `${id} does not answer: a read of ${path} says ${code}`;
  });

  await chapter('the meter heals by itself when it is back', async () => {
    const meter = meterAt(1);
    const before = meter.notifications;
    field.setPresent(meter.id, true);
    say(`put ${meter.id} back`);
    await until(clock, 'values of the meter', () => meterAt(1).notifications > before);
    return `${meter.id} is back`;
  });

  return chapters;
}

/** The end of the demo, for people and for scripts. */
export function summary(chapters: readonly Chapter[]): string {
  const lines = chapters.map(
    ({ promise, kept, detail }) => `  ${kept ? 'ok    ' : 'FAILED'}  ${promise}${kept ? '' : `: ${detail}`}`,
  );
  const kept = chapters.filter((chapter) => chapter.kept).length;
  return [`${kept} of ${chapters.length} promises kept`, ...lines].join('\n');
}
