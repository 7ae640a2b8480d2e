import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  type YAMLMap,
  type YAMLParseError,
  type YAMLSeq,
  type Alias as YamlAlias,
  type Scalar as YamlScalar,
} from 'yaml';
import { type Faults, type Place, whereabouts } from './fault.ts';
import type { ListNode, MapEntry, MapNode, Node, ScalarNode } from './node.ts';
import { type Environment, fillIn, isSecretKey, typePlain, withoutUserInfo } from './scalar.ts';

/** The composer of `yaml` calls itself for every level, and a stack overflow inside V8's regular expressions is fatal. */
const MOST_LEVELS = 48;
/** Values of one file with every alias spelled out. */
const MOST_NODES = 100_000;
/** After the first few syntax errors the rest is noise. */
const MOST_SYNTAX_FAULTS = 3;

/** What syntax errors of `yaml` mean. Its own messages quote the text, which may be a secret. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag',
  BAD_ALIAS: "an alias or anchor needs a name; a text that begins with '*' or '&' needs quotes",
  BAD_COLLECTION_TYPE: 'tags (!name) are not supported',
  BAD_DIRECTIVE: 'directives (%...) are not supported',
  BAD_DQ_ESCAPE: 'unknown escape after \\ in double quotes; single quotes take everything literally',
  BAD_INDENT: 'wrong indentation (keys of one map stand in one column), or a bracket that is not closed',
  BAD_SCALAR_START: 'this character cannot begin a text; use quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a map cannot stand here; is a line break missing, or do quotes?',
  BLOCK_IN_FLOW: 'inside [ ] or { } there cannot be lines that begin with - or a key in block form',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR: 'something is not closed, or a comma, colon or space is missing',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line; is a colon missing?',
  MULTIPLE_ANCHORS: 'a value can have one anchor (&name) only',
  MULTIPLE_DOCS: "one file holds one document; '---' can stand only at its beginning",
  MULTIPLE_TAGS: 'tags (!name) are not supported',
  RESOURCE_EXHAUSTION: 'the nesting is too deep',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'tags (!name) are not supported',
  UNEXPECTED_TOKEN: 'this cannot stand here; is a quote, comma or line break wrong?',
};

/**
 * Reads one YAML document: 1.2 core schema, no tags, keys unique, aliases and nesting bounded. What is wrong with single
 * values leaves the rest of the tree usable, so that all faults of a file come at once.
 * @returns undefined when it is not YAML
 */
export function readYaml(file: string, text: string, env: Environment, faults: Faults): Node | undefined {
  const lines = new LineCounter();
  const report = (offset: number, message: string): void => faults.add(placeAt(file, lines, offset), message);
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    report(deep, `more than ${MOST_LEVELS} levels of nesting`);
    return undefined;
  }
  const options = { schema: 'failsafe', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const;
  const [document, second] = new Composer(options).compose(tokens, true, text.length);
  const errors = document?.errors ?? [];
  for (const { offset, message } of syntaxFaults(errors, text, lines)) report(offset, message);
  if (second !== undefined) report(second.range[0], SYNTAX.MULTIPLE_DOCS ?? '');
  if (document === undefined || errors.length > 0 || second !== undefined) return undefined;
  return buildTree(document, {
    env,
    faults,
    at: (offset, up, step) => placeAt(file, lines, offset, up, step),
  });
}

/** One fault per line: the others are mostly consequences. */
function syntaxFaults(
  errors: readonly YAMLParseError[],
  text: string,
  lines: LineCounter,
): readonly { offset: number; message: string }[] {
  const byLine = new Map<number, { offset: number; message: string }>();
  for (const { pos, code } of errors) {
    const [offset] = pos;
    const { line } = lines.linePos(offset);
    if (byLine.has(line)) continue;
    const start = lines.lineStarts[line - 1] ?? 0;
    const hint = hintFor(text.slice(start, lines.lineStarts[line] ?? text.length));
    byLine.set(line, { offset, message: `${SYNTAX[code] ?? 'not valid YAML'}${hint}` });
    if (byLine.size === MOST_SYNTAX_FAULTS) break;
  }
  return [...byLine.values()];
}

const REFERENCE = '${env:';

/** The braces of a reference end or begin a map when they stand inside brackets without quotes. */
function hintFor(line: string): string {
  const reference = line.indexOf(REFERENCE);
  const isInside = reference > 0 && /[[{]/.test(line.slice(0, reference));
  return isInside ? `; inside [ ] and { }, ${REFERENCE}NAME} needs quotes` : '';
}

function placeAt(
  file: string,
  lines: LineCounter,
  offset: number,
  up?: Place,
  step?: string | number,
): Place {
  const { line, col } = lines.linePos(offset);
  return {
    file,
    line: Math.max(1, line),
    column: Math.max(1, col),
    ...(up !== undefined && { up }),
    ...(step !== undefined && { step }),
  };
}

type Token = ReturnType<Parser['parse']> extends Iterable<infer T> ? T : never;

/** The offset of a token below more than {@link MOST_LEVELS} others. Does not call itself: the text may be hostile. */
function tooDeep(tokens: readonly Token[]): number | undefined {
  const open: [Token, number][] = tokens.map((token) => [token, 0]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [token, level] = next;
    if (level > MOST_LEVELS) return token.offset;
    if (token.type === 'document' && token.value !== undefined) open.push([token.value, level]);
    if (!('items' in token)) continue;
    for (const item of token.items) {
      if (item.key) open.push([item.key, level + 1]);
      if (item.value) open.push([item.value, level + 1]);
    }
  }
  return undefined;
}

interface Reading {
  readonly env: Environment;
  readonly faults: Faults;
  at(offset: number, up?: Place, step?: string | number): Place;
}

/** What a node inherits from above. */
interface Inherited {
  readonly up?: Place;
  readonly step?: string | number;
  readonly secret: boolean;
}

interface Anchored {
  readonly node: Node;
  /** values below it, aliases spelled out */
  readonly count: number;
}

function buildTree(document: Document.Parsed, reading: Reading): Node {
  const { env, faults, at } = reading;
  const anchors = new Map<string, Anchored>();
  let count = 0;

  const build = (source: unknown, offset: number, inherited: Inherited): Node => {
    if (isAlias(source)) return follow(source, offset, inherited);
    const before = count++;
    const place = at(startOf(source, offset), inherited.up, inherited.step);
    const node = isMap(source)
      ? buildMap(source, place, inherited.secret)
      : isSeq(source)
        ? buildList(source, place, inherited.secret)
        : buildScalar(isScalar(source) ? source : undefined, place, inherited);
    if (isMap(source) || isSeq(source) || isScalar(source)) {
      if (source.tag !== undefined) faults.add(place, SYNTAX.TAG_RESOLVE_FAILED ?? '');
      if (source.anchor !== undefined) anchors.set(source.anchor, { node, count: count - before });
    }
    return node;
  };

  /** An alias shares the node of its anchor, so that it costs nothing here; but what it adds up to is bounded. */
  const follow = (alias: YamlAlias, offset: number, inherited: Inherited): Node => {
    const place = at(startOf(alias, offset), inherited.up, inherited.step);
    const anchored = anchors.get(alias.source);
    if (anchored === undefined) faults.add(place, 'the alias names no anchor that ends before it');
    else if (inherited.secret) faults.add(place, 'an alias cannot stand for a secret');
    else if (count + anchored.count > MOST_NODES)
      faults.add(place, `more than ${MOST_NODES} values with all aliases spelled out`);
    else {
      count += anchored.count;
      return anchored.node;
    }
    return { ...buildScalar(undefined, place, inherited), isBroken: true };
  };

  const buildMap = (source: YAMLMap, place: Place, secret: boolean): MapNode => {
    const entries = new Map<string, MapEntry>();
    for (const pair of source.items) {
      const offset = startOf(pair.key, source.range?.[0] ?? 0);
      const name = isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : undefined;
      if (name === undefined || name === '__proto__') {
        faults.add(at(offset, place.up, place.step), 'a key must be a word or a number');
        continue;
      }
      const key = at(offset, place, name);
      const first = entries.get(name);
      if (first !== undefined) {
        faults.add(key, `the key '${name}' is given twice; the first is in ${whereabouts(first.key, key)}`);
        continue;
      }
      const end = isScalar(pair.key) ? (pair.key.range?.[1] ?? offset) : offset;
      const hidden = secret || isSecretKey(name);
      entries.set(name, { key, node: build(pair.value, end, { up: place, step: name, secret: hidden }) });
    }
    return { kind: 'map', place, entries };
  };

  const buildList = (source: YAMLSeq, place: Place, secret: boolean): ListNode => ({
    kind: 'list',
    place,
    items: source.items.map((item, step) => build(item, startOf(source, 0), { up: place, step, secret })),
  });

  const buildScalar = (source: YamlScalar | undefined, place: Place, { secret }: Inherited): ScalarNode => {
    const written = typeof source?.value === 'string' ? source.value : '';
    const bare = source === undefined || source.type === 'PLAIN' || source.type === undefined;
    const filled = fillIn(written, env);
    for (const fault of filled.faults) faults.add(place, fault);
    if (secret && !filled.used && written !== '')
      faults.add(
        place,
        `a secret cannot stand in this file; write \${env:NAME}, or use the key that ends in File`,
      );
    return {
      kind: 'scalar',
      place,
      value: bare ? typePlain(filled.text) : filled.text,
      text: filled.text,
      shown: secret && written !== '' ? '(hidden)' : withoutUserInfo(written),
      bare,
      isBroken: filled.faults.length > 0,
    };
  };

  return build(document.contents, 0, { secret: false });
}

function startOf(source: unknown, otherwise: number): number {
  const ranged = isScalar(source) || isMap(source) || isSeq(source) || isAlias(source);
  return ranged ? (source.range?.[0] ?? otherwise) : otherwise;
}
