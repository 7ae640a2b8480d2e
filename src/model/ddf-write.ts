import { DDF_TYPES } from './ddf-words.ts';
import type { ObjectDefinition, ResourceDefinition } from './definition.ts';

/** Who gives out an object id (OMA Core 1.2 7.1): up to which id, and what the URN calls them. */
const AUTHORITIES = [
  [1023, 'oma'],
  [2047, 'reserved'],
  [10240, 'ext'],
  [Number.POSITIVE_INFINITY, 'x'],
] as const;

/** `urn:oma:lwm2m:x:10243:2.0`; 1.0 is left out. */
export function objectUrn({ id, version }: Pick<ObjectDefinition, 'id' | 'version'>): string {
  const authority = AUTHORITIES.find(([highest]) => id <= highest)?.[1] ?? 'x';
  return `urn:oma:lwm2m:${authority}:${id}${version === '1.0' ? '' : `:${version}`}`;
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** Elements with text, in the order of the schema. */
function elements(fields: Readonly<Record<string, string>>, indent: string): string {
  return Object.entries(fields)
    .map(([name, text]) => `${indent}<${name}>${escaped(text)}</${name}>`)
    .join('\n');
}

const count = (multiple: boolean): string => (multiple ? 'Multiple' : 'Single');
const duty = (mandatory: boolean): string => (mandatory ? 'Mandatory' : 'Optional');

function itemOf({
  id,
  name,
  operations,
  type,
  multiple,
  mandatory,
  range,
  unit,
}: ResourceDefinition): string {
  const fields = {
    Name: name,
    Operations: operations,
    MultipleInstances: count(multiple),
    Mandatory: duty(mandatory),
    Type: DDF_TYPES[type],
    RangeEnumeration: range,
    Units: unit,
    Description: name,
  };
  return `      <Item ID="${id}">\n${elements(fields, '        ')}\n      </Item>`;
}

/**
 * A definition in the XML of the OMA registry (LWM2M-v1_1.xsd), for servers that take it: Leshan, ThingsBoard and
 * others. The descriptions that the schema demands hold the names.
 */
export function writeDdf(definition: ObjectDefinition): string {
  const { id, name, version, multiple, mandatory, resources } = definition;
  const fields = {
    Name: name,
    Description1: name,
    ObjectID: `${id}`,
    ObjectURN: objectUrn(definition),
    LWM2MVersion: '1.1',
    ObjectVersion: version,
    MultipleInstances: count(multiple),
    Mandatory: duty(mandatory),
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
<LWM2M xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://openmobilealliance.org/tech/profiles/LWM2M-v1_1.xsd">
  <Object ObjectType="MODefinition">
${elements(fields, '    ')}
    <Resources>
${[...resources.values()].map(itemOf).join('\n')}
    </Resources>
    <Description2></Description2>
  </Object>
</LWM2M>
`;
}
