import { GatewayError, isGatewayError, messageOf } from '../base/index.ts';

/** What stands in a request beside its command. */
export type Arguments = Readonly<Record<string, unknown>>;

/** What can be asked for, by name. What a command returns is answered as JSON. */
export type Commands = Readonly<Record<string, (given: Arguments) => unknown>>;

/**
 * One line of JSON each way, then the connection ends: `{"command":"update","server":1}` is answered by
 * `{"ok":true,"result":...}` or `{"ok":false,"error":{"code":"room.what","message":"..."}}`.
 */
export type Reply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

function parse(line: string): { readonly command: string; readonly given: Arguments } {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    throw new GatewayError('control.bad-request', 'a request is one line of JSON');
  }
  const { command, ...given } = (typeof request === 'object' && request !== null ? request : {}) as {
    command?: unknown;
  };
  if (typeof command !== 'string')
    throw new GatewayError('control.bad-request', 'a request names its "command"');
  return { command, given };
}

async function perform(line: string, commands: Commands): Promise<unknown> {
  const { command, given } = parse(line);
  const known = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (known === undefined) {
    const names = Object.keys(commands).sort().join(', ');
    throw new GatewayError('control.bad-request', `no command ${command}; there are ${names}`);
  }
  return known(given);
}

/** Does what one line asks for. Never rejects. */
export async function answer(line: string, commands: Commands): Promise<Reply> {
  try {
    return { ok: true, result: (await perform(line, commands)) ?? null };
  } catch (error) {
    const code = isGatewayError(error) ? error.code : 'control.failed';
    return { ok: false, error: { code, message: messageOf(error) } };
  }
}

/** The result of a reply. @throws GatewayError the error of the reply; `control.bad-reply` when it is none */
export function resultOf(line: string): unknown {
  let reply: { ok?: unknown; result?: unknown; error?: { code?: unknown; message?: unknown } } | null;
  try {
    reply = JSON.parse(line);
  } catch {
    reply = null;
  }
  if (reply?.ok === true) return reply.result;
  const { code, message } = reply?.error ?? {};
  if (typeof code === 'string' && typeof message === 'string') throw new GatewayError(code, message);
  throw new GatewayError('control.bad-reply', 'the gateway answered what is no reply');
}
