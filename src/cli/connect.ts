import { type Logger, systemClock, systemRandom } from '../base/index.ts';
import { openControl } from '../control/index.ts';
import { tryServer } from '../wire/index.ts';
import { keyLogOf } from './key-log.ts';
import { loadPlan } from './load.ts';
import { CONTROL_SOCKET } from './order.ts';
import { describeError, EXIT, type Output } from './output.ts';

/** A log for somebody who watches: one line per step. */
function logTo(out: Output): Logger {
  const say = (facts: object, message: string): void => {
    const told = Object.entries(facts).map(([name, fact]) => `${name} ${String(fact)}`);
    out.print(`  ${[message, ...(told.length === 0 ? [] : [told.join(', ')])].join(': ')}`);
  };
  const log: Logger = { debug: say, info: say, warn: say, error: say, child: () => log };
  return log;
}

/** `connect`: handshake and registration with one server, step by step; nothing else starts. */
export async function connect(
  file: string,
  id: number | undefined,
  adapters: readonly string[],
  out: Output,
): Promise<number> {
  const { plan, faults, notes } = await loadPlan(file, adapters);
  if (plan === undefined) {
    for (const fault of faults) out.complain(fault);
    return EXIT.badConfig;
  }
  for (const { line } of notes) out.print(`note: ${line}`);
  const { upstream, stateDirectory } = plan.config;
  const server = upstream.servers.find(({ shortServerId }) => id === undefined || shortServerId === id);
  if (server === undefined) {
    const known = upstream.servers.map(({ shortServerId }) => shortServerId).join(', ') || 'none';
    out.complain(`no server ${id ?? ''} in the configuration; there are: ${known}`);
    return EXIT.badConfig;
  }
  // A second registration would end the first one at the server: the running gateway must not be disturbed.
  const control = await openControl(`${stateDirectory}/${CONTROL_SOCKET}`, {});
  try {
    out.print(`server ${server.shortServerId}: ${server.uri}`);
    const keyLog = keyLogOf(process.env);
    const answer = await tryServer(server, upstream.endpoint, {
      clock: systemClock,
      log: logTo(out),
      random: systemRandom,
      ...(keyLog !== undefined && { keyLog }),
    });
    if (answer.status === 'registered') {
      out.print('it works');
      return EXIT.ok;
    }
    const why = {
      ok: 'the server gave no location',
      refused: 'code' in answer ? `the server answered ${answer.code}` : '',
      unreachable: 'message' in answer ? answer.message : '',
      'unsupported-release': 'the server supports no release of ours',
    }[answer.status];
    out.complain(`it does not work: ${why}`);
    return EXIT.failed;
  } catch (error) {
    out.complain(`it does not work: ${describeError(error)}`);
    return EXIT.failed;
  } finally {
    await control.close();
  }
}
