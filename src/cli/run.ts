import { setFlagsFromString } from 'node:v8';
import {
  createLogger,
  GatewayError,
  isGatewayError,
  type Logger,
  messageOf,
  systemClock,
  systemRandom,
} from '../base/index.ts';
import { type Commands, type Control, openControl } from '../control/index.ts';
import { createGateway, type Plan, type Reloaded } from '../wire/index.ts';
import { keyLogOf } from './key-log.ts';
import { loadPlan } from './load.ts';
import { CONTROL_SOCKET } from './order.ts';
import { ordersOf } from './orders.ts';
import { describeError, EXIT, type Output } from './output.ts';

/**
 * How much the heap grows, in percent of what lives in it, before what is dead in it is collected. The runtime would let
 * it double, which is made for programs that work all the time; hardly anything that dies here grows old first. A tenth
 * saved 8 MB more with a thousand devices, and cost half as much CPU again for each value.
 */
const HEAP_GROWS_PERCENT = 20;

/** Ends the process even if something hangs: a box must never stay half stopped. */
const LAST_RESORT_MS = 8000;

/** Why the process ends: a signal, or a server that executed Reboot (3/0/4). */
type End = 'signal' | 'restart';

/** A gateway that takes no orders still does its work; two gateways with one state would not. */
async function controlOf(plan: Plan, log: Logger, commands: Commands): Promise<Control | undefined> {
  try {
    return await openControl(`${plan.config.stateDirectory}/${CONTROL_SOCKET}`, commands);
  } catch (error) {
    if (!isGatewayError(error, 'control.unavailable')) throw error;
    log.warn({ problem: error.message }, 'status, health and other commands cannot be asked');
    return undefined;
  }
}

/** @throws GatewayError `cli.bad-config`: one line per fault, and the gateway goes on as it was */
async function replanned(file: string, adapters: readonly string[]): Promise<Plan> {
  const { plan, faults } = await loadPlan(file, adapters);
  if (plan === undefined)
    throw new GatewayError('cli.bad-config', ['nothing was changed', ...faults].join('\n'));
  return plan;
}

/** @param plan of `file` */
async function runPlan(
  plan: Plan,
  file: string,
  adapters: readonly string[],
  log: Logger,
  out: Output,
): Promise<number> {
  let end: (why: End) => void = () => {};
  const told = new Promise<End>((resolve) => {
    end = resolve;
  });
  // Node.js would open a debugger, whose port everybody on the box may use.
  process.on('SIGUSR1', () => log.warn({ signal: 'SIGUSR1' }, 'passed over: there is no debugger here'));
  const keyLog = keyLogOf(process.env);
  if (keyLog !== undefined) log.warn({}, 'SSLKEYLOGFILE is set: the secrets of all connections are written');
  const gateway = createGateway(plan, {
    clock: systemClock,
    log,
    random: systemRandom,
    restart: () => end('restart'),
    ...(keyLog !== undefined && { keyLog }),
  });
  const reload = async (): Promise<Reloaded> => {
    const result = await gateway.reload(await replanned(file, adapters));
    log.info({ ...result }, 'configuration read again');
    return result;
  };
  const control = await controlOf(plan, log, ordersOf(gateway, reload));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end('signal'));
  process.on('SIGHUP', () => {
    reload().catch((error: unknown) =>
      log.error({ problem: messageOf(error) }, 'configuration not followed'),
    );
  });
  await gateway.start();
  out.print(
    `started: ${plan.devices.length} devices, ${plan.config.upstream.servers.length} servers, endpoint ${plan.config.upstream.endpoint}`,
  );
  const why = await told;
  log.info({ end: why }, 'stopping');
  setTimeout(() => process.exit(EXIT.failed), LAST_RESORT_MS).unref();
  await control?.close();
  await gateway.stop();
  return why === 'restart' ? EXIT.restart : EXIT.ok;
}

/** `run`: the gateway, until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function run(file: string, adapters: readonly string[], out: Output): Promise<number> {
  const { plan, faults, notes } = await loadPlan(file, adapters);
  if (plan === undefined) {
    for (const fault of faults) out.complain(fault);
    out.complain(
      `${faults.length === 1 ? 'one fault' : `${faults.length} faults`} in the configuration; nothing was started`,
    );
    return EXIT.badConfig;
  }
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWS_PERCENT}`);
  const log = createLogger(plan.config.log.level);
  for (const { line } of notes) log.warn({ problem: line }, 'a certificate may not work');
  try {
    return await runPlan(plan, file, adapters, log, out);
  } catch (error) {
    out.complain(describeError(error));
    return EXIT.failed;
  }
}
