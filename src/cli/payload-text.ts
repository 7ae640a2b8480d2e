import {
  type Entry,
  formatObjectLink,
  formatPath,
  isObjectLink,
  type Link,
  type ObjectDefinition,
  type Path,
  pathFromSegments,
  type ResourceDefinition,
} from '../model/index.ts';
import { table } from './output.ts';

/** The definition of an object, if it is known. */
export type LookUp = (object: number) => ObjectDefinition | undefined;

/** All that a payload can say. */
export interface Said {
  readonly entries: readonly Entry[];
  /** There, and without anything in it. */
  readonly empties: readonly Path[];
  readonly removals: readonly Path[];
  /** Asked for. */
  readonly paths: readonly Path[];
}

export const NOTHING: Said = { entries: [], empties: [], removals: [], paths: [] };

function objectAt({ ids }: Path, lookUp: LookUp): ObjectDefinition | undefined {
  const [object] = ids;
  return object === undefined ? undefined : lookUp(object);
}

export function resourceAt(path: Path, lookUp: LookUp): ResourceDefinition | undefined {
  const resource = path.ids[2];
  return resource === undefined ? undefined : objectAt(path, lookUp)?.resources.get(resource);
}

/** What a path points to, in the words of the registry; `?` when it does not know it. */
function nameOf(path: Path, lookUp: LookUp): string {
  if (path.ids.length === 0) return '';
  if (path.ids.length > 2) return resourceAt(path, lookUp)?.name ?? '?';
  const object = objectAt(path, lookUp);
  return object === undefined ? '?' : `${object.name} ${object.version}`;
}

function valueText({ type, value }: Entry): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array)
    return `${value.length} bytes ${Buffer.from(value).toString('hex')}`.trimEnd();
  if (isObjectLink(value)) return formatObjectLink(value);
  return type === 'time' ? `${value} (${timeText(Number(value) * 1000)})` : `${value}`;
}

function timeText(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? 'no date' : time.toISOString();
}

function entryRow(entry: Entry, lookUp: LookUp): string[] {
  const { path, at } = entry;
  const unit = resourceAt(path, lookUp)?.unit ?? '';
  return [nameOf(path, lookUp), valueText(entry), unit, at === undefined ? '' : timeText(at)];
}

/** A payload must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function printableTable(rows: readonly (readonly string[])[]): string {
  return table(rows.map((row) => row.map(printable)));
}

/** Path, name, value, unit and time of everything, below a line for each object instance. */
export function saidText({ entries, empties, removals, paths }: Said, lookUp: LookUp): string {
  const named = (path: Path, what: string) => ({ path, cells: [nameOf(path, lookUp), what] });
  const lines = [
    ...entries.map((entry) => ({ path: entry.path, cells: entryRow(entry, lookUp) })),
    ...empties.map((path) => named(path, 'empty')),
    ...removals.map((path) => named(path, 'removed')),
    ...paths.map((path) => named(path, '')),
  ];
  if (lines.length === 0) return 'nothing in it';
  let heading = '';
  return printableTable(
    lines.flatMap(({ path, cells }) => {
      const row = [`${path.ids.length > 2 ? '  ' : ''}${formatPath(path)}`, ...cells];
      const instance: Path = { prefix: path.prefix, ids: path.ids.slice(0, 2) };
      if (path.ids.length < 3 || formatPath(instance) === heading) return [row];
      heading = formatPath(instance);
      return [[heading, nameOf(instance, lookUp)], row];
    }),
  );
}

/** Target, what it is, and the parameters of each link; a slash at the end of a target is forgiven. */
export function linksText(links: readonly Link[], lookUp: LookUp): string {
  if (links.length === 0) return 'nothing in it';
  return printableTable(
    links.map(({ target, params }) => {
      const path = pathFromSegments(target.slice(1).replace(/\/$/, '').split('/'));
      const words = Object.entries(params).map(([name, value]) =>
        value === true ? name : `${name}=${value}`,
      );
      return [target, path === undefined ? '' : nameOf(path, lookUp), words.join(' ')];
    }),
  );
}
