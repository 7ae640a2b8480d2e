import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { messageOf } from '../base/index.ts';

/** A position in a text, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Its own text, without that of its children. */
  readonly text: string;
  readonly children: readonly XmlElement[];
  readonly at: Position;
}

/** Told what is wrong, and with what. Looking up where that stands takes time, so it is asked only when it is told. */
export type Complain = (thing: Pick<XmlElement, 'at'>, message: string) => void;

/** Larger than any definition; the largest of the OMA registry has 34 KB. */
const MOST_CHARACTERS = 512 * 1024;
const START = { at: { line: 1, column: 1 } };

/** What a text may hold, one character each (XML 1.0 2.2, without the controls that it discourages). */
const CHARACTER = /^(?:[\t\n\r]|[^\p{Cc}\p{Cs}])$/u;

const CDATA = '#cdata';
const TEXT = '#text';
const ATTRIBUTES = ':@';
/** Declared as an object by the parser's types. */
const PLACE = XMLParser.getMetaDataSymbol() as unknown as symbol;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
  cdataPropName: CDATA,
  ignoreDeclaration: true,
  ignorePiTags: true,
  captureMetaData: true,
  maxNestedTags: 20,
});

const UNWANTED = [
  [/<!DOCTYPE/, 'a document type'],
  [/[^\P{Cc}\t\n\r]/u, 'a control character'],
] as const;

/**
 * The root element of a document; undefined when there is none to be had, and `complain` has been told why. Entities
 * are the five of XML and characters by number; a document type, which could define more, is refused.
 */
export function readXml(text: string, complain: Complain): XmlElement | undefined {
  if (text.length > MOST_CHARACTERS) {
    complain(START, `more than ${MOST_CHARACTERS / 1024} KB are no object definition`);
    return undefined;
  }
  const xml = text.startsWith('\uFEFF') ? text.slice(1) : text;
  for (const [unwanted, what] of UNWANTED) {
    const index = xml.search(unwanted);
    if (index < 0) continue;
    complain({ at: positionIn(xml, index) }, `${what} is not allowed`);
    return undefined;
  }
  return parse(xml, complain);
}

function parse(xml: string, complain: Complain): XmlElement | undefined {
  try {
    const validity = XMLValidator.validate(xml);
    if (validity !== true) {
      const { line, col, msg } = validity.err;
      complain({ at: { line, column: col ?? 1 } }, msg);
      return undefined;
    }
    const elements = elementsOf(parser.parse(xml), { xml, complain });
    const [root] = elements;
    if (root !== undefined && elements.length === 1) return root;
    complain(elements[1] ?? START, 'a document has one root');
  } catch (error) {
    complain(START, messageOf(error));
  }
  return undefined;
}

function positionIn(text: string, index: number): Position {
  const lines = text.slice(0, index).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

interface Reading {
  readonly xml: string;
  readonly complain: Complain;
}

/** What the parser makes of an element: its name with its content, and what else it knows of it. */
interface Parsed {
  readonly [key: string]: unknown;
  readonly [place: symbol]: { readonly startIndex?: number } | undefined;
}

function elementsOf(content: unknown, reading: Reading): XmlElement[] {
  return parsedOf(content).flatMap((parsed) => {
    const name = nameOf(parsed);
    return name === TEXT || name === CDATA ? [] : [elementOf(name, parsed, reading)];
  });
}

function parsedOf(content: unknown): readonly Parsed[] {
  return Array.isArray(content) ? content : [];
}

function nameOf(parsed: Parsed): string {
  return Object.keys(parsed).find((key) => key !== ATTRIBUTES) ?? TEXT;
}

function elementOf(name: string, parsed: Parsed, reading: Reading): XmlElement {
  const element = {
    get at() {
      return positionIn(reading.xml, parsed[PLACE]?.startIndex ?? 0);
    },
  };
  const decode = (raw: string): string =>
    decodeEntities(raw, (entity) => reading.complain(element, `${entity} is no entity of XML`));
  return {
    name,
    get at() {
      return element.at;
    },
    attributes: new Map(
      Object.entries(parsed[ATTRIBUTES] ?? {}).map(([key, value]) => [key, decode(String(value))]),
    ),
    text: parsedOf(parsed[name])
      .map((part) => textOf(part, decode))
      .join(''),
    children: elementsOf(parsed[name], reading),
  };
}

function textOf(part: Parsed, decode: (raw: string) => string): string {
  if (TEXT in part) return decode(String(part[TEXT]));
  return parsedOf(part[CDATA])
    .map((inner) => String(inner[TEXT] ?? ''))
    .join('');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(raw: string, refuse: (entity: string) => void): string {
  return raw.replace(/&([^;&\s]{0,10});?/g, (whole, name: string) => {
    const character = whole.endsWith(';') ? (ENTITIES[name] ?? characterOf(name)) : undefined;
    if (character === undefined) refuse(whole);
    return character ?? '';
  });
}

/** `#65` and `#x41` are A. */
function characterOf(name: string): string | undefined {
  const [, hexadecimal, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name) ?? [];
  const code = hexadecimal === undefined ? Number(decimal) : Number.parseInt(hexadecimal, 16);
  const character = code <= 0x10ffff ? String.fromCodePoint(code) : '';
  return CHARACTER.test(character) ? character : undefined;
}
