/**
 * How a whole number becomes a text, for serial numbers and the like. One `%d` (decimal), `%x` or `%X` (hexadecimal), with
 * a width as in `%08d` when zeros go in front; any text around it, `%%` for a percent sign. Nothing else of printf.
 */
const FORMAT = /^((?:[^%]|%%)*)%(?:0([1-9]\d?))?([dxX])((?:[^%]|%%)*)$/;
const LONGEST = 64;
const WIDEST = 20;

/** The text of a number; undefined when the format has none for it: a fraction, or a negative hexadecimal. */
export type NumberFormat = (value: number | bigint) => string | undefined;

/** Undefined when `format` is not one. */
export function compileFormat(format: string): NumberFormat | undefined {
  const [, before, width = '0', letter, after] = FORMAT.exec(format) ?? [];
  if (before === undefined || after === undefined || format.length > LONGEST || Number(width) > WIDEST)
    return undefined;
  const [head, tail] = [before.replaceAll('%%', '%'), after.replaceAll('%%', '%')];
  const radix = letter === 'd' ? 10 : 16;
  return (value) => {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return undefined;
    if (value < 0 && radix === 16) return undefined;
    const digits = (value < 0 ? -value : value).toString(radix).padStart(Number(width), '0');
    return `${head}${value < 0 ? '-' : ''}${letter === 'X' ? digits.toUpperCase() : digits}${tail}`;
  };
}
