import type { ObjectDefinition, Operations, ResourceDefinition } from './definition.ts';
import type { DataType } from './value.ts';
import { compareVersions } from './version.ts';

/**
 * A definition in the form in which `oma-facts.ts` keeps it: small, one object per line.
 * Resource: id, name, operations, type (see {@link TYPES}), multiple, mandatory, range, unit; trailing empty fields cut.
 */
export type ResourceFacts = readonly [number, string, string?, string?, number?, number?, string?, string?];
/** Object: id, name, version, multiple, mandatory, resources. */
export type ObjectFacts = readonly [number, string, string, number, number, readonly ResourceFacts[]];

const TYPES: Readonly<Record<DataType, string>> = {
  string: 'S',
  integer: 'I',
  unsigned: 'U',
  float: 'F',
  boolean: 'B',
  opaque: 'O',
  time: 'T',
  objlnk: 'L',
  corelnk: 'C',
  none: '',
};

const BY_LETTER: ReadonlyMap<string, DataType> = new Map(
  (Object.entries(TYPES) as [DataType, string][]).map(([type, letter]) => [letter, type]),
);

const OPERATIONS: Readonly<Record<string, Operations>> = { '': '', R: 'R', W: 'W', RW: 'RW', E: 'E' };

function resourceFrom(facts: ResourceFacts): ResourceDefinition {
  const [id, name, operations = '', type = '', multiple = 0, mandatory = 0, range = '', unit = ''] = facts;
  return {
    id,
    name,
    operations: OPERATIONS[operations] ?? '',
    type: BY_LETTER.get(type) ?? 'none',
    multiple: multiple === 1,
    mandatory: mandatory === 1,
    range,
    unit,
  };
}

export function definitionFrom([
  id,
  name,
  version,
  multiple,
  mandatory,
  resources,
]: ObjectFacts): ObjectDefinition {
  return {
    id,
    name,
    version,
    multiple: multiple === 1,
    mandatory: mandatory === 1,
    resources: new Map(resources.map((facts) => [facts[0], resourceFrom(facts)])),
  };
}

/** How many of the fields are there once trailing empty ones are cut. */
function lengthWithout(fields: readonly (string | number)[]): number {
  let length = fields.length;
  while (fields[length - 1] === '' || fields[length - 1] === 0) length--;
  return length;
}

function factsOfResource(resource: ResourceDefinition): readonly (string | number)[] {
  const { id, name, operations, type, multiple, mandatory, range, unit } = resource;
  const optional = [operations, TYPES[type], Number(multiple), Number(mandatory), range, unit];
  return [id, name, ...optional.slice(0, lengthWithout(optional))];
}

function factsOf({ id, name, version, multiple, mandatory, resources }: ObjectDefinition): string {
  const sorted = [...resources.values()].sort((a, b) => a.id - b.id);
  return JSON.stringify([
    id,
    name,
    version,
    Number(multiple),
    Number(mandatory),
    sorted.map(factsOfResource),
  ]);
}

/** What a template literal would read as something else. */
function inTemplate(text: string): string {
  return text.replace(/[\\`$]/g, '\\$&');
}

const HEAD = `import type { ObjectFacts } from './facts.ts';

/**
 * Facts of all object versions in the OMA LwM2M registry (ids, names, operations, types, ranges, units; no description
 * text). Source and licence: NOTICE. Made by \`npm run facts\`, not by hand; the form is that of \`facts.ts\`.
 */`;

/** The text of `oma-facts.ts` for these definitions, ascending by id and version. */
export function formatFacts(definitions: readonly ObjectDefinition[]): string {
  const sorted = [...definitions].sort((a, b) => a.id - b.id || compareVersions(a.version, b.version));
  const lines = sorted.map((definition) => inTemplate(factsOf(definition))).join(',\n');
  return `${HEAD}
const FACTS = \`[
${lines}
]\`;

export const readOmaFacts = (): readonly ObjectFacts[] => JSON.parse(FACTS);
`;
}
