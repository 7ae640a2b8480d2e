import { z } from 'zod';

/**
 * The kinds of values that keys have. `title` says in words what is allowed and `examples` shows it: faults and editors
 * use both.
 */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const DURATION = /^\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d)$/;

/** `1.5s` in ms. */
export function durationMs(text: string): number {
  const unit = text.replace(/^[\d.]+/, '');
  return Math.round(Number.parseFloat(text) * (UNIT_MS[unit] ?? Number.NaN));
}

interface DurationLimits {
  readonly least: string;
  readonly most: string;
  readonly example: string;
}

/** A time with its unit, as text: what stands in something with examples must not be converted on the way. */
export function durationText(
  { least, most, example }: DurationLimits,
  units = 'ms, s, m, h, d',
): z.ZodString {
  return z
    .string()
    .regex(DURATION)
    .refine((text) => durationMs(text) >= durationMs(least) && durationMs(text) <= durationMs(most))
    .meta({ title: `a time with its unit (${units}) from ${least} to ${most}`, examples: [example] });
}

/** A time with its unit, in ms. */
export function duration(limits: DurationLimits) {
  return durationText(limits).transform(durationMs);
}

/** A time with its unit, in ms, or one of a few words. */
export function durationOr<const W extends string>(words: readonly [W, ...W[]], limits: DurationLimits) {
  const form = z.union([z.enum(words), durationText(limits)]).meta({
    title: `a time with its unit from ${limits.least} to ${limits.most}, or ${words.join(', or ')}`,
    examples: [limits.example],
  });
  return form.transform((text) => words.find((word) => word === text) ?? durationMs(text));
}

/** A time with its unit that LwM2M counts in whole seconds, in s. */
export function seconds(limits: DurationLimits) {
  return durationText(limits, 's, m, h, d')
    .refine((text) => durationMs(text) % 1000 === 0)
    .transform((text) => durationMs(text) / 1000);
}

/** A name by which other keys refer to something. */
function name(pattern: RegExp, title: string, example: string) {
  return z
    .string()
    .regex(pattern)
    .meta({ title, examples: [example] });
}

export function text(example: string) {
  return z
    .string()
    .min(1)
    .max(255)
    .meta({ title: 'a text', examples: [example] });
}

export function whole(least: number, most: number) {
  return z.int().min(least).max(most);
}

export function oneOf<const T extends readonly [string, ...string[]]>(...words: T) {
  return z.enum(words);
}

export const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?$/;

/** A number of which the text counts, since 0.1 is no binary number; whoever reads it takes the text from the node. */
export function decimal(example: string) {
  return z
    .union([z.number(), z.string().regex(DECIMAL)])
    .meta({ title: 'a decimal number', examples: [example] });
}

/** `3x` (three polling intervals) or a time. */
export function staleAfter() {
  const times = z.string().regex(/^[1-9]\d{0,2}x$/);
  const form = z
    .union([times, z.string().regex(DURATION)])
    .meta({ title: 'a number of polling intervals, or a time with its unit', examples: ['3x', '15m'] });
  return form.transform((text) =>
    text.endsWith('x') ? { times: Number.parseInt(text, 10) } : { ms: durationMs(text) },
  );
}

const RATE = /^(\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?) ?([A-Za-z%/][A-Za-z0-9%/]*)$/;

/** A number with its unit, e.g. `100kW`. */
export function quantity(example: string) {
  return z
    .string()
    .regex(RATE)
    .meta({ title: 'a number with its unit', examples: [example] })
    .transform((written) => {
      const [, value = '', unit = ''] = RATE.exec(written) ?? [];
      return { value, unit };
    });
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const IN_WORDS = 'letters, digits and . _ : - (at most 64)';
/** A point must not read as true, false or null when it stands without quotes. */
const POINT = /^(?!(?:true|True|TRUE|false|False|FALSE|null|Null|NULL)$)[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const PROFILE = /^[a-z0-9][a-z0-9._-]{0,63}(?:\/[a-z0-9][a-z0-9._-]{0,63}){0,3}$/;
const PREFIX = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

export const deviceName = name(ID, IN_WORDS, 'meter-main');
export const connectionName = name(ID, IN_WORDS, 'plc-hall');
export const profileName = name(PROFILE, 'a name like vendor/model in lower case', 'eastron/sdm630-v2');
export const prefixName = name(PREFIX, 'a letter, then letters, digits and _ - (at most 32)', 'd01');
export const pointName = name(POINT, 'a letter, then letters, digits and _ - (at most 64)', 'v1');

/** A value that stands for itself. */
export const scalarValue = z
  .union([z.string(), z.number(), z.boolean()])
  .meta({ title: 'a text, a number, true or false' });
