import type { Logger } from '../base/index.ts';
import { type Ids, omaRegistry, type Value } from '../model/index.ts';
import { mandatoryDeviceResources, NO_ERROR } from '../objects/index.ts';
import type { InstanceSetup, ResourceSetup } from '../tree/index.ts';
import type { Health } from './health.ts';
import type { FieldUpdate } from './pipeline.ts';

/** What a device is called and made of, for its Device object. */
export interface DeviceDescription {
  readonly id: string;
  readonly manufacturer?: string;
  readonly model?: string;
}

const DEVICE_OBJECT = 3;
const SERIAL_NUMBER = 2;

/** Where the Device object tells whether the device answers. */
export const ERROR_CODE: Ids = [DEVICE_OBJECT, 0, 11];

/** Peripheral malfunction: the nearest there is to a meter that does not answer (OMA Core 1.2 E.4, resource 11). */
const NO_ANSWER: ReadonlyMap<number, Value> = new Map([[0, 8]]);

/**
 * Another serial number is another meter, whatever its address is (pitfall 12): a person has to hear of it.
 * @param resources those that points feed
 * @returns looks through what came of a cycle
 */
export function watchSerialNumber(
  resources: readonly { readonly ids: Ids }[],
  log: Pick<Logger, 'warn'>,
): (updates: readonly FieldUpdate[]) => void {
  const isSerialNumber = ({ ids }: { readonly ids: Ids }): boolean =>
    ids[0] === DEVICE_OBJECT && ids[2] === SERIAL_NUMBER;
  if (!resources.some(isSerialNumber)) return () => {};
  let known: Value | undefined;
  return (updates) => {
    for (const update of updates) {
      if (!isSerialNumber(update) || !('value' in update)) continue;
      if (known !== undefined && known !== update.value)
        log.warn(
          { before: known, now: update.value },
          'the device has another serial number: it was exchanged',
        );
      known = update.value;
    }
  };
}

/** Every device shows object 3: as its profile maps it, with what the gateway knows by itself. */
export function withDeviceObject(
  setups: readonly InstanceSetup[],
  { manufacturer, model }: DeviceDescription,
  health: () => Health,
): InstanceSetup[] {
  const mapped = setups.find(({ definition }) => definition.id === DEVICE_OBJECT);
  const definition = mapped?.definition ?? omaRegistry().find(DEVICE_OBJECT);
  if (definition === undefined) return [...setups];
  const errorCodes = (): ReadonlyMap<number, Value> => (health().state === 'offline' ? NO_ANSWER : NO_ERROR);
  const provided: readonly ResourceSetup[] = [
    ...(manufacturer === undefined ? [] : [{ id: 0, value: manufacturer }]),
    ...(model === undefined ? [] : [{ id: 1, value: model }]),
    ...mandatoryDeviceResources(
      () => ({ status: 'not-allowed', message: 'this device cannot be rebooted' }),
      errorCodes,
    ),
  ];
  const own = mapped?.resources ?? [];
  const taken = new Set(own.map(({ id }) => id));
  const device: InstanceSetup = {
    ...(mapped ?? { definition, instance: 0 }),
    resources: [...own, ...provided.filter(({ id }) => !taken.has(id))],
  };
  return [device, ...setups.filter((setup) => setup !== mapped)];
}
