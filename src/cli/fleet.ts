import type { Arguments } from '../control/index.ts';
import type { Reloaded, Sent } from '../wire/index.ts';
import { type OrderOptions, order } from './order.ts';
import { EXIT, type Output, table } from './output.ts';

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

function toldText(answer: unknown): string {
  const servers = answer as readonly number[];
  return servers.length === 0 ? 'there is no server' : `told: server ${servers.join(', ')}`;
}

const ofServer = (server: number | undefined): Arguments => (server === undefined ? {} : { server });

/** `update`, `offline`, `online`: what a running gateway is to do about one server, or all. */
export function tell(
  command: 'update' | 'offline' | 'online',
  server: number | undefined,
  options: OrderOptions,
  out: Output,
): Promise<number> {
  return order(command, ofServer(server), options, toldText, out);
}

function sentText(answer: unknown): string {
  return table(
    (answer as readonly Sent[]).map(({ server, endpoint, result }) => [
      `server ${server}`,
      endpoint,
      result.status,
      'message' in result ? (result.message ?? '') : 'code' in result ? result.code : '',
    ]),
  );
}

/** `send`: the running gateway tells servers what paths hold; fails unless every server has it. */
export async function send(
  paths: readonly string[],
  server: number | undefined,
  options: OrderOptions,
  out: Output,
): Promise<number> {
  let isSent = true;
  const show = (answer: unknown): string => {
    isSent = (answer as readonly Sent[]).every(({ result }) => result.status === 'sent');
    return options.json ? JSON.stringify(answer) : sentText(answer);
  };
  const code = await order('send', { paths, ...ofServer(server) }, { ...options, json: false }, show, out);
  return isSent ? code : EXIT.failed;
}
