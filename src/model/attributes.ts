import { GatewayError } from '../base/index.ts';
import type { ResourceDefinition } from './definition.ts';

/** Notification attributes that apply to an observation (OMA Core 1.2.2 5.1.2, 7.3.2). */
export interface Attributes {
  readonly pmin?: number;
  readonly pmax?: number;
  /** gt, lt and st are bigint where a number would round them. */
  readonly gt?: number | bigint;
  readonly lt?: number | bigint;
  readonly st?: number | bigint;
  readonly epmin?: number;
  readonly epmax?: number;
  readonly edge?: 0 | 1;
  readonly con?: 0 | 1;
  readonly hqmax?: number;
}

export type AttributeName = keyof Attributes;

/** A change of attributes: undefined takes an attribute away. */
export type AttributeChange = { readonly [name in AttributeName]?: number | bigint | undefined };

interface AttributeRule {
  readonly syntax: RegExp;
  /** What kind of resource it needs; none: any level. */
  readonly needs?: 'numeric' | 'boolean';
}

const SECONDS = /^\d{1,9}$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/;
const BIT = /^[01]$/;

/** Times in s; gt, lt and st in the unit of the resource. */
export const ATTRIBUTES: Readonly<Record<AttributeName, AttributeRule>> = {
  pmin: { syntax: SECONDS },
  pmax: { syntax: SECONDS },
  epmin: { syntax: SECONDS },
  epmax: { syntax: SECONDS },
  gt: { syntax: DECIMAL, needs: 'numeric' },
  lt: { syntax: DECIMAL, needs: 'numeric' },
  st: { syntax: DECIMAL, needs: 'numeric' },
  edge: { syntax: BIT, needs: 'boolean' },
  con: { syntax: BIT },
  hqmax: { syntax: SECONDS },
};

const NUMERIC: ReadonlySet<string> = new Set(['integer', 'unsigned', 'float', 'time']);

function bad(message: string): GatewayError {
  return new GatewayError('model.bad-attribute', message);
}

export function isAttributeName(name: string): name is AttributeName {
  return Object.hasOwn(ATTRIBUTES, name);
}

/**
 * Reads the query of Write-Attributes or Observe: `pmin=5` sets, `pmin` takes away (OMA Core 1.2.2 7.3.2).
 * @param resource the resource that the path names, when it goes that deep
 * @throws GatewayError `model.bad-attribute` for an unknown or repeated name, a bad value or a wrong level
 */
export function parseAttributes(
  query: readonly string[],
  resource: Pick<ResourceDefinition, 'type'> | undefined,
): AttributeChange {
  const change: { [name in AttributeName]?: number | bigint | undefined } = {};
  for (const item of query) {
    const equals = item.indexOf('=');
    const name = equals < 0 ? item : item.slice(0, equals);
    if (!isAttributeName(name)) throw bad(`${JSON.stringify(name)} is not a notification attribute`);
    if (Object.hasOwn(change, name)) throw bad(`${name} is given twice`);
    const rule = ATTRIBUTES[name];
    if (rule.needs === 'numeric' && !NUMERIC.has(resource?.type ?? '')) {
      throw bad(`${name} needs a numeric resource`);
    }
    if (rule.needs === 'boolean' && resource?.type !== 'boolean')
      throw bad(`${name} needs a boolean resource`);
    if (equals < 0) {
      change[name] = undefined;
      continue;
    }
    const text = item.slice(equals + 1);
    const value = rule.syntax.test(text) ? exactNumber(text) : undefined;
    if (value === undefined) throw bad(`${JSON.stringify(text)} is not a value of ${name}`);
    change[name] = value;
  }
  return change;
}

const WHOLE = /^[+-]?\d+$/;

/** A decimal as number, or as bigint where it is whole and a number would round it. */
function exactNumber(text: string): number | bigint | undefined {
  const value = Number(text);
  if (WHOLE.test(text) && !Number.isSafeInteger(value)) return BigInt(text.replace('+', ''));
  return Number.isFinite(value) ? value : undefined;
}

/** lt + 2 st < gt, exactly for whole numbers. */
function leavesRoom(lt: number | bigint, st: number | bigint, gt: number | bigint): boolean {
  if (typeof lt === 'number' && typeof st === 'number') return lt + 2 * st < gt;
  const isWhole = [lt, st].every((value) => typeof value === 'bigint' || Number.isInteger(value));
  return isWhole ? BigInt(lt) + 2n * BigInt(st) < gt : Number(lt) + 2 * Number(st) < gt;
}

/**
 * `attributes` after `change`, checked as one set (OMA Core 1.2.2 7.3.2: lt < gt, lt + 2 st < gt, epmin < epmax).
 * A pmax below pmin is no error: it is ignored when the observation runs.
 * @throws GatewayError `model.bad-attribute`
 */
export function changeAttributes(attributes: Attributes, change: AttributeChange): Attributes {
  const merged: { -readonly [name in AttributeName]?: number | bigint } = { ...attributes };
  for (const [name, value] of Object.entries(change) as [AttributeName, number | bigint | undefined][]) {
    if (value === undefined) delete merged[name];
    else merged[name] = value;
  }
  const { gt, lt, st, epmin, epmax } = merged;
  if (st !== undefined && st < 0) throw bad('st must not be negative');
  if (gt !== undefined && lt !== undefined) {
    if (!(lt < gt)) throw bad('lt must be lower than gt');
    if (st !== undefined && !leavesRoom(lt, st, gt)) throw bad('lt + 2 st must be lower than gt');
  }
  if (epmin !== undefined && epmax !== undefined && !(epmin < epmax))
    throw bad('epmin must be lower than epmax');
  return merged as Attributes;
}
