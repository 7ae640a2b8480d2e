import { isGatewayError, messageOf } from '../base/index.ts';

/** Exit codes of all commands. */
export const EXIT = { ok: 0, failed: 1, badConfig: 2, restart: 75 } as const;

/** Where a command writes; standard output is for what it prints, standard error for what went wrong. */
export interface Output {
  print(text: string): void;
  complain(text: string): void;
}

/** A reader that has seen enough, as `head` has, is no failure. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

export const terminal: Output = {
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`${text}\n`),
};

/** One line for a person: what broke, with its code when it has one. */
export function describeError(error: unknown): string {
  return isGatewayError(error) ? `${error.code}: ${error.message}` : messageOf(error);
}

/** Keys as a configuration takes them: `{ unit: 1 }`. */
export function keysText(keys: object): string {
  const textOf = (value: unknown): string =>
    typeof value === 'object' && value !== null ? keysText(value) : String(value);
  return `{ ${Object.entries(keys)
    .map(([key, value]) => `${key}: ${textOf(value)}`)
    .join(', ')} }`;
}

/** Columns that line up, without trailing blanks. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
