import type { Reloaded } from '../wire/index.ts';
import { type OrderOptions, order } from './order.ts';
import type { Output } from './output.ts';

function reloadText({ started, stopped, needRestart }: Reloaded): string {
  const named = (title: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${title} ${names.join(', ')}`];
  const lines = [
    ...named('stopped:', stopped),
    ...named('started:', started),
    ...named('changed, but followed only after a restart:', needRestart),
  ];
  return lines.length === 0 ? 'no device changed' : lines.join('\n');
}

/** `reload`: the running gateway reads its configuration again. */
export function reload(options: OrderOptions, out: Output): Promise<number> {
  return order('reload', {}, options, (answer) => reloadText(answer as Reloaded), out);
}

/** `update`: the running gateway sends a registration Update. */
export function update(server: number | undefined, options: OrderOptions, out: Output): Promise<number> {
  const given = server === undefined ? {} : { server };
  return order('update', given, options, (answer) => `told: server ${(answer as number[]).join(', ')}`, out);
}
