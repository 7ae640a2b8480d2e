import type { FieldValue, PlanFault } from 'lwm2m-gateway/adapter';
import type { Field } from './field.ts';

/** Scale factors that stand in registers of their own, as powers of ten (SunSpec `sunssf`: -10 to 10). */

const MOST = 10;

/** `value` x 10^`factor`, exactly in decimal; undefined when there is no such number. */
export function scaled(
  value: FieldValue | undefined,
  factor: FieldValue | undefined,
): FieldValue | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  if (typeof factor !== 'number' || !Number.isInteger(factor) || Math.abs(factor) > MOST) return undefined;
  return factor === 0 ? value : Number(`${value}e${factor}`);
}

/** The number that becomes `value` by the factor; undefined when it is none that registers hold. */
export function unscaled(value: FieldValue, factor: FieldValue | undefined): number | undefined {
  const raw = typeof factor === 'number' ? scaled(value, -factor) : undefined;
  return raw === undefined ? undefined : Number(raw);
}

/**
 * Puts each point and the one that gives its scale into one request: a value with the scale of another moment is wrong
 * by powers of ten.
 */
export function joinScales(
  fields: ReadonlyMap<string, Field>,
  scaleFrom: ReadonlyMap<string, string>,
  fault: (path: PlanFault['path'], message: string) => void,
): Map<string, Field> {
  const joined = new Map(fields);
  const sound: (readonly [id: string, factorId: string])[] = [];
  for (const [id, factorId] of scaleFrom) {
    const field = joined.get(id);
    const factor = joined.get(factorId);
    const at = (message: string): void => fault(['points', id, 'scaleFrom'], message);
    // A point with faults of its own has been reported.
    if (field === undefined) continue;
    if (factor === undefined || !factor.isReadable) {
      at(`there is no readable point ${factorId}`);
      joined.delete(id);
    } else if (scaleFrom.has(factorId)) at(`point ${factorId} has a scale itself`);
    else if (field.write !== undefined) at('what has a scale in another register can only be read');
    else sound.push([id, factorId]);
  }
  for (const factorId of new Set(sound.map(([, id]) => id))) joinGroups(joined, scaleFrom, factorId);
  for (const [id, factorId] of sound) {
    const [field, factor] = [joined.get(id), joined.get(factorId)];
    if (field !== undefined && factor !== undefined) joined.set(id, { ...field, factor });
  }
  return joined;
}

/** Makes one group of a scale, of all that have it, and of the groups that any of them is in. */
function joinGroups(
  fields: Map<string, Field>,
  scaleFrom: ReadonlyMap<string, string>,
  factorId: string,
): void {
  const isOfThem = (id: string): boolean => id === factorId || scaleFrom.get(id) === factorId;
  const groups = new Set([...fields].flatMap(([id, { group }]) => (isOfThem(id) ? (group ?? []) : [])));
  const [group = `scale ${factorId}`] = groups;
  for (const [id, field] of fields)
    if (isOfThem(id) || (field.group !== undefined && groups.has(field.group)))
      fields.set(id, { ...field, group });
}
