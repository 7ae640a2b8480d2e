import { isUtf8 } from 'node:buffer';
import { bufferOf } from './bytes.ts';
import { type DecimalText, isDecimal } from './decimal-text.ts';
import { fault } from './fault.ts';

/** What JSON says (RFC 8259), with numbers as they stand in the text: JSON.parse would round them silently. */
export type Json = null | boolean | string | DecimalText | Json[] | ReadonlyMap<string, Json>;

const DEEPEST = 16;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SPACE = /[ \t\n\r]*/y;
const LONE_SURROGATE = /\p{Surrogate}/u;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const WORDS: Readonly<Record<string, [string, Json]>> = {
  t: ['true', true],
  f: ['false', false],
  n: ['null', null],
};

class JsonReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  document(): Json {
    const value = this.value(0);
    this.match(SPACE);
    if (this.at < this.text.length) throw this.malformed();
    return value;
  }

  private value(depth: number): Json {
    if (depth > DEEPEST) throw fault('too-deep', `JSON nested deeper than ${DEEPEST}`);
    this.match(SPACE);
    const next = this.text[this.at] ?? '';
    if (next === '{') return this.object(depth);
    if (next === '[') return this.array(depth);
    if (next === '"') return this.string();
    const [word, value] = WORDS[next] ?? [];
    if (word === undefined || value === undefined) return this.number();
    if (!this.text.startsWith(word, this.at)) throw this.malformed();
    this.at += word.length;
    return value;
  }

  private object(depth: number): Json {
    const members = new Map<string, Json>();
    this.items('}', () => {
      this.match(SPACE);
      const name = this.string();
      if (!this.takes(':')) throw this.malformed();
      if (members.has(name)) throw fault('duplicate', `${JSON.stringify(name.slice(0, 40))} is given twice`);
      members.set(name, this.value(depth + 1));
    });
    return members;
  }

  private array(depth: number): Json {
    const items: Json[] = [];
    this.items(']', () => items.push(this.value(depth + 1)));
    return items;
  }

  /** Reads items between the bracket that is next and `close`. */
  private items(close: string, item: () => void): void {
    this.at++;
    if (this.takes(close)) return;
    do item();
    while (this.takes(','));
    if (!this.takes(close)) throw this.malformed();
  }

  private takes(mark: string): boolean {
    this.match(SPACE);
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private string(): string {
    const from = this.at;
    if (this.text[this.at] !== '"') throw this.malformed();
    this.at++;
    let isPlain = true;
    for (this.plain(); this.text[this.at] === '\\'; this.plain()) {
      isPlain = false;
      if (this.match(ESCAPE) === '') throw this.malformed();
    }
    if (this.text[this.at] !== '"') throw this.malformed();
    this.at++;
    if (isPlain) return this.text.slice(from + 1, this.at - 1);
    const text: string = JSON.parse(this.text.slice(from, this.at));
    if (LONE_SURROGATE.test(text)) throw fault('malformed', 'text has half a surrogate pair');
    return text;
  }

  /** Passes the characters that stand for themselves. */
  private plain(): void {
    for (let code = this.text.charCodeAt(this.at); code >= 0x20; code = this.text.charCodeAt(++this.at)) {
      if (code === QUOTE || code === BACKSLASH) return;
    }
  }

  private number(): Json {
    const decimal = this.match(NUMBER);
    if (!isDecimal(decimal)) throw this.malformed();
    return { decimal };
  }

  /** Takes what the pattern matches here, which may be nothing. */
  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.text)?.[0] ?? '';
    this.at += text.length;
    return text;
  }

  private malformed(): Error {
    const what = this.at < this.text.length ? 'malformed' : 'truncated';
    return fault(what, `not JSON at character ${this.at}`);
  }
}

/** @throws GatewayError `codec.malformed`, `codec.truncated`, `codec.too-deep`, `codec.duplicate` (a repeated name) */
export function parseJson(bytes: Uint8Array): Json {
  if (!isUtf8(bytes)) throw fault('malformed', 'text is not UTF-8');
  return new JsonReader(bufferOf(bytes).toString('utf8')).document();
}
