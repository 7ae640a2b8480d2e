import type { Output } from '../../src/cli/output.ts';

/** What a command says, to be looked at. */
export interface Heard extends Output {
  readonly printed: () => string;
  readonly complained: () => string;
}

export function listen(): Heard {
  const lines: { readonly printed: string[]; readonly complained: string[] } = {
    printed: [],
    complained: [],
  };
  return {
    print: (text) => lines.printed.push(text),
    complain: (text) => lines.complained.push(text),
    printed: () => lines.printed.join('\n'),
    complained: () => lines.complained.join('\n'),
  };
}
