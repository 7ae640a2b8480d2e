export type ScalarValue = string | number | boolean | null;

/** The scalars of the YAML 1.2 core schema (YAML 1.2.2 section 10.3.2): no yes/no/on/off, no leading-zero octals. */
const CORE: readonly (readonly [RegExp, (text: string) => ScalarValue])[] = [
  [/^(?:|~|null|Null|NULL)$/, () => null],
  [/^(?:true|True|TRUE)$/, () => true],
  [/^(?:false|False|FALSE)$/, () => false],
  [/^[-+]?[0-9]+$/, wholeNumber],
  [/^0o[0-7]+$/, wholeNumber],
  [/^0x[0-9a-fA-F]+$/, wholeNumber],
  [/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/, Number],
  [/^[-+]?\.(?:inf|Inf|INF)$/, (text) => (text.startsWith('-') ? -Infinity : Infinity)],
  [/^\.(?:nan|NaN|NAN)$/, () => Number.NaN],
];

/** A number that a double cannot hold stays the text it is: it is never rounded in silence. */
function wholeNumber(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** What a scalar written without quotes means. */
export function typePlain(text: string): ScalarValue {
  for (const [pattern, read] of CORE) if (pattern.test(text)) return read(text);
  return text;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\{env:([^}]*)\}/g;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `text` with every `${env:NAME}` filled in, and what is wrong with the references in it. */
export function fillIn(text: string, env: Environment): { text: string; used: boolean; faults: string[] } {
  const faults: string[] = [];
  let used = false;
  const filled = text.replace(REFERENCE, (_reference, name: string) => {
    used = true;
    const value = VARIABLE.test(name) && Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined) return value;
    faults.push(
      VARIABLE.test(name)
        ? `the environment variable ${name} is not set`
        : `this names no environment variable; write it like \${env:NAME}`,
    );
    return '';
  });
  return { text: filled, used, faults };
}

const TEMPLATE = /\{n(?:([+-])(\d{1,9}))?(?::0(\d{1,2}))?\}/g;

/** `text` with `{n}`, `{n+10}` and `{n:02}` counted out; undefined when it holds a `{n...}` of another form. */
export function countOut(text: string, n: number): string | undefined {
  const counted = text.replace(TEMPLATE, (_all, sign?: string, by?: string, width?: string) => {
    const number = n + Number(by ?? 0) * (sign === '-' ? -1 : 1);
    return String(number).padStart(Number(width ?? 0), '0');
  });
  return /\{n(?![A-Za-z])[^}]*\}/.test(counted) ? undefined : counted;
}

/** Keys whose value must not stand in the file, nor ever in a message. Keys that end in `File` name a file instead. */
const SECRET_KEY = /(?:psk|password|passphrase|secret|token|(?:private|api|access|secret)key)$/i;

export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/** Hides user and password of a URL. */
export function withoutUserInfo(text: string): string {
  return text.replace(/\/\/[^/\s@]*@/g, '//…@');
}
