import { GatewayError } from '../base/index.ts';
import { DDF_TYPES } from './ddf-words.ts';
import type { ObjectDefinition, Operations, ResourceDefinition } from './definition.ts';
import { MAX_ID, parseId } from './path.ts';
import type { DataType } from './value.ts';
import { type Complain, readXml, type XmlElement } from './xml.ts';

const MOST_FAULTS = 20;
const LONGEST_FAULT = 200;

/**
 * Reads object definitions in the XML of the OMA registry (LWM2M.xsd, LWM2M-v1_1.xsd). As tolerant as the registry's own
 * files need it: elements in any order, blanks around words, no range, unit or version.
 * @param file what faults call the text
 * @throws GatewayError `model.bad-ddf`; each line of its message is one fault, `file:line:column: message`
 */
export function readDdf(xml: string, file: string): ObjectDefinition[] {
  const faults: string[] = [];
  const complain: Complain = (thing, message) => {
    if (faults.length === MOST_FAULTS) return;
    const { line, column } = thing.at;
    faults.push(`${file}:${line}:${column}: ${message.replace(/\p{Cc}+/gu, ' ').slice(0, LONGEST_FAULT)}`);
  };
  const root = readXml(xml, complain);
  const definitions = root === undefined ? [] : readObjects(root, complain);
  if (faults.length === 0) return definitions;
  throw new GatewayError('model.bad-ddf', faults.join('\n'));
}

function readObjects(root: XmlElement, complain: Complain): ObjectDefinition[] {
  const objects = childrenOf(root, 'Object');
  if (root.name !== 'LWM2M' || objects.length === 0) {
    complain(root, `an object definition is <LWM2M> with <Object> in it, not <${root.name}>`);
    return [];
  }
  return objects.map((object) => readObject(object, complain));
}

function readObject(element: XmlElement, complain: Complain): ObjectDefinition {
  const resources = new Map<number, ResourceDefinition>();
  for (const list of childrenOf(element, 'Resources')) {
    for (const item of childrenOf(list, 'Item')) {
      const resource = readResource(item, complain);
      if (resources.has(resource.id)) complain(item, `there are two resources ${resource.id}`);
      resources.set(resource.id, resource);
    }
  }
  if (resources.size === 0) complain(element, 'an object has resources: <Resources> with <Item> in it');
  return {
    id: readId(element, textIn(element, 'ObjectID', complain), 'ObjectID', complain),
    name: readName(element, complain),
    version: readVersion(element, complain),
    multiple: readWord(element, 'MultipleInstances', COUNTS, false, complain),
    mandatory: readWord(element, 'Mandatory', DUTIES, false, complain),
    resources: new Map([...resources].sort(([a], [b]) => a - b)),
  };
}

function readResource(item: XmlElement, complain: Complain): ResourceDefinition {
  const operations = readWord<Operations>(item, 'Operations', OPERATIONS, '', complain);
  const type = readWord<DataType>(item, 'Type', TYPES, 'none', complain);
  return {
    id: readId(item, item.attributes.get('ID'), 'ID', complain),
    name: readName(item, complain),
    operations,
    // What is executed has no value, whatever a file says.
    type: operations === 'E' ? 'none' : type,
    multiple: readWord(item, 'MultipleInstances', COUNTS, false, complain),
    mandatory: readWord(item, 'Mandatory', DUTIES, false, complain),
    range: textIn(item, 'RangeEnumeration', complain) ?? '',
    unit: textIn(item, 'Units', complain) ?? '',
  };
}

function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** The text of the only child of that name, each run of blanks as one; undefined when there is none. */
function textIn(element: XmlElement, name: string, complain: Complain): string | undefined {
  const [first, second] = childrenOf(element, name);
  if (second !== undefined) complain(second, `there are two <${name}>`);
  return first?.text.trim().replace(/\s+/g, ' ');
}

function readName(element: XmlElement, complain: Complain): string {
  const name = textIn(element, 'Name', complain) ?? '';
  if (name === '') complain(element, `<${element.name}> has no <Name>`);
  return name;
}

function readId(element: XmlElement, text: string | undefined, what: string, complain: Complain): number {
  const id = parseId(text?.trim() ?? '');
  if (id !== undefined && id < MAX_ID) return id;
  complain(element, `${what} is a number from 0 to ${MAX_ID - 1}, not ${JSON.stringify(text ?? '')}`);
  return MAX_ID;
}

const VERSION = /^(?:0|[1-9]\d{0,4})\.(?:0|[1-9]\d{0,4})$/;
const VERSION_IN_URN = /:(\d+\.\d+)$/;

/** Files of LwM2M 1.0 have no version but that of the URN, and that only when it is not 1.0. */
function readVersion(element: XmlElement, complain: Complain): string {
  const fromUrn = (): string | undefined =>
    VERSION_IN_URN.exec(textIn(element, 'ObjectURN', complain) ?? '')?.[1];
  const version = textIn(element, 'ObjectVersion', complain) || fromUrn() || '1.0';
  if (!VERSION.test(version)) complain(element, `ObjectVersion is like 1.0, not ${JSON.stringify(version)}`);
  return version;
}

type Words<T> = ReadonlyMap<string, T>;

const COUNTS: Words<boolean> = new Map([
  ['Single', false],
  ['Multiple', true],
]);
const DUTIES: Words<boolean> = new Map([
  ['Optional', false],
  ['Mandatory', true],
]);
const OPERATIONS: Words<Operations> = new Map([
  ['', ''],
  ['R', 'R'],
  ['W', 'W'],
  ['RW', 'RW'],
  ['E', 'E'],
]);
const TYPES: Words<DataType> = new Map(
  (Object.entries(DDF_TYPES) as [DataType, string][]).map(([type, word]) => [word, type]),
);

/**
 * What the text of a child means; the case of letters does not matter.
 * @param otherwise stands for a word that is none, so that more faults can be found
 */
function readWord<T>(
  element: XmlElement,
  name: string,
  words: Words<T>,
  otherwise: T,
  complain: Complain,
): T {
  const text = textIn(element, name, complain);
  const wanted = text?.toLowerCase();
  for (const [word, meaning] of words) if (word.toLowerCase() === wanted) return meaning;
  const found = text === undefined ? `<${element.name}> has no <${name}>` : `${name} ${JSON.stringify(text)}`;
  const allowed = [...words.keys()].map((word) => word || 'nothing').join(', ');
  complain(childrenOf(element, name)[0] ?? element, `${found}; allowed: ${allowed}`);
  return otherwise;
}
