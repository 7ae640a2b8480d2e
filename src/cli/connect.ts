import { type Logger, systemClock, systemRandom } from '../base/index.ts';
import type { PackAnswer } from '../client/index.ts';
import { openControl } from '../control/index.ts';
import type { ServerUri } from '../model/index.ts';
import { knownServers, type ServerName, tryBootstrap, tryServer } from '../wire/index.ts';
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

/** @returns why it did not work, if it did not */
function problemOf(answer: PackAnswer): string | undefined {
  switch (answer.status) {
    case 'registered':
    case 'ok':
    case 'pack':
      return undefined;
    case 'refused':
      return `the server answered ${answer.code}`;
    case 'unsupported-release':
      return 'the server supports no release of ours';
    default:
      return answer.message;
  }
}

const textOf = ({ scheme, host, port }: ServerUri): string =>
  `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** `connect`: handshake and registration with one server, step by step; nothing else starts. */
export async function connect(
  file: string,
  asked: ServerName | undefined,
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
  const known = knownServers(upstream, stateDirectory);
  const [name = asked] = asked === undefined ? known.keys() : [asked];
  const security = name === undefined ? undefined : known.get(name);
  if (name === undefined || security === undefined) {
    out.complain(
      `no server ${asked ?? ''} in the configuration; there are: ${[...known.keys()].join(', ') || 'none'}`,
    );
    return EXIT.badConfig;
  }
  // A second registration would end the first one at the server: the running gateway must not be disturbed.
  const control = await openControl(`${stateDirectory}/${CONTROL_SOCKET}`, {});
  try {
    out.print(`server ${name}: ${textOf(security.uri)}`);
    const keyLog = keyLogOf(process.env);
    const ports = {
      clock: systemClock,
      log: logTo(out),
      random: systemRandom,
      ...(keyLog !== undefined && { keyLog }),
    };
    const answer =
      name === 'bootstrap'
        ? await tryBootstrap(security, upstream, ports)
        : await tryServer(name, security, upstream, ports);
    const problem = problemOf(answer);
    if (problem === undefined) {
      out.print('it works');
      return EXIT.ok;
    }
    out.complain(`it does not work: ${problem}`);
    return EXIT.failed;
  } catch (error) {
    out.complain(`it does not work: ${describeError(error)}`);
    return EXIT.failed;
  } finally {
    await control.close();
  }
}
