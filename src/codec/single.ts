import { type DataType, type Entry, formatPath, samePath, type Value } from '../model/index.ts';
import { readEntry } from './collect.ts';
import { fault } from './fault.ts';
import type { DecodeContext, EncodeRequest } from './format.ts';

/** The one value that a format without names can carry: that of the path that was asked. */
export function singleValue(entries: readonly Entry[], { base }: EncodeRequest): Entry {
  const [entry] = entries;
  if (entry !== undefined && entries.length === 1 && samePath(entry.path, base)) return entry;
  throw fault('not-representable', `${formatPath(base)} is not one value`);
}

/** The one value of a payload without names, at the path of the request. */
export function decodeSingle(context: DecodeContext, read: (type: DataType | undefined) => Value): Entry[] {
  const entry = readEntry(context, context.base, read);
  return entry === undefined ? [] : [entry];
}
