/** sim: values made up from the clock, for demos and tests. Touches no medium. */
import type { AdapterModule, DevicePlan, PlanFault } from 'lwm2m-gateway/adapter';
import { openConnection } from './adapter.ts';
import { schemas } from './schemas.ts';
import { createWave, PRESET, type WaveKeys } from './waves.ts';

function check(device: DevicePlan): readonly PlanFault[] {
  return [...device.points.values()].flatMap(({ id, address, access }) => {
    const keys = address as unknown as WaveKeys;
    const faults: PlanFault[] = [];
    const fault = (key: string, message: string): void => {
      faults.push({ path: ['points', id, key], message });
    };
    if (access !== 'r' && keys.wave !== 'setting') fault('access', 'only a setting can be written');
    if (keys.wave === 'constant' && keys.value === undefined) fault('value', 'a constant needs one');
    if (isUpsideDown(keys)) fault('low', 'is above high');
    // A period of zero or a date that does not exist shows as a value that is no number.
    if (Number.isNaN(createWave(keys)(0))) fault('wave', 'has no value; look at period and since');
    return faults;
  });
}

/** A setting has only the limits that it is given. */
function isUpsideDown({ wave, low, high }: WaveKeys): boolean {
  if (wave === 'setting') return low !== undefined && high !== undefined && low > high;
  return (low ?? PRESET.low) > (high ?? PRESET.high);
}

const sim: AdapterModule = {
  name: 'sim',
  schemas,
  check,
  load: () => ({ requestsPerSecond: 0, utilisation: 0, lines: [] }),
  open: (_connection, host) => openConnection(host),
};

export default sim;
