import {
  convertible,
  dimensionOf,
  IDENTITY,
  type Linear,
  type ObjectDefinition,
  type ResourceDefinition,
  unitConversion,
  unitName,
  unitsOf,
} from '../model/index.ts';
import { listed } from './faults.ts';
import { type PointModel, unknownUnit } from './point.ts';

/**
 * Corrections of the registry, which is plainly wrong or silent here: 10257/16 is a difference, so that degrees
 * Celsius and kelvin are the same and no 273.15 may come in; 3422/12 is an apparent power, not a factor.
 */
const CORRECTIONS: Readonly<Record<string, Partial<Pick<ResourceDefinition, 'unit' | 'range'>>>> = {
  '10257/16': { unit: 'deltaK' },
  '3422/12': { range: '' },
};

/** The definition that mappings are checked against. */
export function corrected(object: number, resource: ResourceDefinition): ResourceDefinition {
  return { ...resource, ...CORRECTIONS[`${object}/${resource.id}`] };
}

/** Sensor Units: names the unit of {@link SENSOR_VALUES}, which have none in the registry. */
export const SENSOR_UNITS = 5701;
const SENSOR_VALUES: ReadonlySet<number> = new Set([
  5508, 5509, 5510, 5511, 5512, 5513, 5601, 5602, 5603, 5604, 5700, 5702, 5703, 5704, 5900,
]);

export function isSensorValue(object: ObjectDefinition, resource: ResourceDefinition): boolean {
  return resource.unit === '' && object.resources.has(SENSOR_UNITS) && SENSOR_VALUES.has(resource.id);
}

/** Units that say no more than a plain number does. */
const PLAIN_NUMBERS: ReadonlySet<string> = new Set(['1', '/', 'count']);

/** A resource that takes a number from a point. */
export interface UnitQuestion {
  readonly object: ObjectDefinition;
  readonly resource: ResourceDefinition;
  readonly point: PointModel;
  /** `unit` of the mapping */
  readonly stated: string | undefined;
  /** Constant of 5701 in the same instance. */
  readonly sensorUnits: string | undefined;
}

/** What the number is converted to, or what is wrong: with the mapping, or with the point. */
export type UnitAnswer =
  | { readonly unit: string | undefined; readonly conversion: Linear }
  | { readonly wrong: 'mapping' | 'point'; readonly message: string };

/** `3305/5800 (Instantaneous active power)` */
export function describe(object: ObjectDefinition, resource: ResourceDefinition): string {
  return `${object.id}/${resource.id} (${resource.name})`;
}

const UNCONVERTED = { unit: undefined, conversion: IDENTITY };

/** A kelvin of a difference is written K, too. */
function fieldUnit(unit: string, target: string): string {
  return unit === 'K' && dimensionOf(target) === 'temperature difference' ? 'deltaK' : unit;
}

function convertTo(target: string, { object, resource, point }: UnitQuestion): UnitAnswer {
  const wanted = `${describe(object, resource)} is in ${target}`;
  const allowed = listed(unitsOf(dimensionOf(target)));
  if (point.unit === undefined)
    return { wrong: 'point', message: `${wanted}, and the point has no unit: give it one of ${allowed}` };
  const from = fieldUnit(point.unit, target);
  if (!convertible(from, target)) {
    const message = `${wanted} (${dimensionOf(target)}), and point ${point.id} in ${from} (${dimensionOf(from)}); it takes ${allowed}`;
    return { wrong: 'mapping', message };
  }
  return { unit: unitName(target), conversion: unitConversion(from, target) };
}

/** The unit that Sensor Units name, when it is one that a plain number lacks. */
function namedUnit(sensorUnits: string | undefined): string | undefined {
  const name = sensorUnits === undefined ? undefined : unitName(sensorUnits);
  return name === undefined || PLAIN_NUMBERS.has(name) ? undefined : name;
}

/** The registry is silent: the mapping states the unit, or Sensor Units can tell it. */
function settleOpenUnit(question: UnitQuestion): UnitAnswer {
  const { object, resource, point, stated } = question;
  const isSensor = isSensorValue(object, resource);
  const sensorUnits = isSensor ? question.sensorUnits : undefined;
  if (point.unit === undefined && stated === undefined) {
    const named = namedUnit(sensorUnits);
    return named === undefined ? UNCONVERTED : convertTo(named, question);
  }
  const target = stated ?? point.unit ?? '';
  if (stated === undefined && !isSensor) {
    if (PLAIN_NUMBERS.has(target)) return UNCONVERTED;
    const example = `{ from: ${point.id}, unit: '${target}' }`;
    return {
      wrong: 'mapping',
      message: `the registry gives ${describe(object, resource)} no unit, so the mapping has to: ${example}, for example`,
    };
  }
  if (sensorUnits !== undefined && unitName(sensorUnits) !== unitName(target)) {
    const message = `the value is in ${target}, but ${SENSOR_UNITS} says ${sensorUnits}: they have to agree`;
    return { wrong: 'mapping', message };
  }
  return convertTo(target, question);
}

/** The unit of a user's definition that nobody knows: the point has to count in it already. */
function settleForeignUnit(unit: string, { object, resource, point }: UnitQuestion): UnitAnswer {
  if (point.unit === undefined) return UNCONVERTED;
  const message = `${describe(object, resource)} is in ${unit}, to which nothing can be converted: a point without unit is taken as it is`;
  return { wrong: 'mapping', message };
}

/**
 * Decides the unit of a resource and how the point gets there: the registry's unit, else the stated one, else that of
 * the point (field rules 3.4).
 */
export function settleUnit(question: UnitQuestion): UnitAnswer {
  const { object, resource, point, stated } = question;
  if (stated !== undefined && unitName(stated) === undefined)
    return { wrong: 'mapping', message: unknownUnit(stated) };
  // A unit that is not known has been reported with the point.
  if (point.source.unit !== undefined && point.unit === undefined) return UNCONVERTED;
  const fixed = resource.type === 'time' ? 's' : resource.unit;
  if (fixed === '') return settleOpenUnit(question);
  if (unitName(fixed) === undefined) return settleForeignUnit(fixed, question);
  if (stated !== undefined && unitName(stated) !== unitName(fixed)) {
    const message = `${describe(object, resource)} is always in ${fixed}: leave unit out`;
    return { wrong: 'mapping', message };
  }
  return resource.type === 'time' && point.unit === undefined ? UNCONVERTED : convertTo(fixed, question);
}
