import { bufferOf, readUtf8 } from './bytes.ts';
import { type DecimalText, isDecimal, plainNumber } from './decimal-text.ts';
import { fault } from './fault.ts';

/** A JSON value that is neither array nor object. */
export type JsonScalar = null | boolean | string | number | DecimalText;

const DEEPEST = 16;

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LONE_SURROGATE = /\p{Surrogate}/u;

const QUOTE = 0x22;
const COMMA = 0x2c;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const WORDS: readonly [string, JsonScalar][] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** True for digits, `+`, `-`, `.`, `E` and `e`. */
function isOfNumber(code: number): boolean {
  return (code >= 0x2b && code <= 0x39 && code !== COMMA && code !== 0x2f) || (code | 0x20) === 0x65;
}

/**
 * Reads JSON (RFC 8259) item by item. Numbers that a double may not hold stay text: JSON.parse would round them
 * silently. Repeated names are the caller's business.
 */
export class JsonReader {
  private readonly text: string;
  private at = 0;
  /** A bracket was opened, and nothing in it has been read yet. */
  private isFresh = false;

  /** @throws GatewayError `codec.malformed` unless valid UTF-8 */
  constructor(bytes: Uint8Array) {
    this.text = readUtf8(bufferOf(bytes), 0, bytes.length);
  }

  /** Refuses anything but white space after the last item. */
  end(): void {
    if (!Number.isNaN(this.next())) throw this.malformed();
  }

  /** Enters an array; to be used with {@link moreItems}. */
  array(): void {
    this.take(OPEN_ARRAY);
    this.isFresh = true;
  }

  /** Enters an object; to be used with {@link moreMembers} and {@link name}. */
  object(): void {
    this.take(OPEN_OBJECT);
    this.isFresh = true;
  }

  /** True if another item follows; else the array is left. */
  moreItems(): boolean {
    return this.more(CLOSE_ARRAY);
  }

  /** True if another member follows; else the object is left. */
  moreMembers(): boolean {
    return this.more(CLOSE_OBJECT);
  }

  /** The name of a member; its value is next. */
  name(): string {
    if (this.next() !== QUOTE) throw this.malformed();
    const name = this.string();
    this.take(COLON);
    return name;
  }

  /** Reads one value. */
  scalar(): JsonScalar {
    const next = this.next();
    if (next === QUOTE) return this.string();
    if (next <= NINE) return this.number();
    if (next === OPEN_ARRAY || next === OPEN_OBJECT) {
      throw fault('malformed', 'a JSON array or object in place of a value');
    }
    for (const [word, value] of WORDS) {
      if (word.charCodeAt(0) !== next || !this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    throw this.malformed();
  }

  /** Passes over one item, whatever it is. */
  skip(depth = 0): void {
    if (depth > DEEPEST) throw fault('too-deep', `JSON nested deeper than ${DEEPEST}`);
    const next = this.next();
    if (next === OPEN_ARRAY) {
      for (this.array(); this.moreItems(); ) this.skip(depth + 1);
    } else if (next === OPEN_OBJECT) {
      for (this.object(); this.moreMembers(); ) {
        this.name();
        this.skip(depth + 1);
      }
    } else {
      this.scalar();
    }
  }

  /** The next character that is no white space, NaN at the end. */
  private next(): number {
    let code = this.text.charCodeAt(this.at);
    while (isSpace(code)) code = this.text.charCodeAt(++this.at);
    return code;
  }

  private take(mark: number): void {
    if (this.next() !== mark) throw this.malformed();
    this.at++;
  }

  private more(close: number): boolean {
    const isFirst = this.isFresh;
    this.isFresh = false;
    const next = this.next();
    if (next === close) {
      this.at++;
      return false;
    }
    if (!isFirst) this.take(COMMA);
    return true;
  }

  private string(): string {
    const from = ++this.at;
    if (this.plain() === QUOTE) return this.text.slice(from, this.at++);
    while (this.plain() === BACKSLASH) {
      ESCAPE.lastIndex = this.at;
      if (!ESCAPE.test(this.text)) throw this.malformed();
      this.at = ESCAPE.lastIndex;
    }
    if (this.plain() !== QUOTE) throw this.malformed();
    const text: string = JSON.parse(this.text.slice(from - 1, ++this.at));
    if (LONE_SURROGATE.test(text)) throw fault('malformed', 'text has half a surrogate pair');
    return text;
  }

  /** Passes the characters that stand for themselves: the one after them. */
  private plain(): number {
    let code = this.text.charCodeAt(this.at);
    while (code >= 0x20 && code !== QUOTE && code !== BACKSLASH) code = this.text.charCodeAt(++this.at);
    return code;
  }

  private number(): number | DecimalText {
    const { text, at: from } = this;
    let to = from;
    while (isOfNumber(text.charCodeAt(to))) to++;
    const plain = plainNumber(text, from, to);
    this.at = to;
    if (!Number.isNaN(plain)) return plain;
    const decimal = text.slice(from, to);
    if (NUMBER.test(decimal) && isDecimal(decimal)) return { decimal };
    this.at = from;
    throw this.malformed();
  }

  private malformed(): Error {
    const what = this.at < this.text.length ? 'malformed' : 'truncated';
    return fault(what, `not JSON at character ${this.at}`);
  }
}
