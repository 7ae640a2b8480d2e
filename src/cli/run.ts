import { createLogger, isGatewayError, type Logger, systemClock } from '../base/index.ts';
import { type Monitor, openMonitor } from '../monitor/index.ts';
import { createGateway, type Gateway, type Plan } from '../wire/index.ts';
import { loadPlan } from './load.ts';
import { describeError, EXIT, type Output } from './output.ts';

/** Where a running gateway can be asked for its status, below its state folder. */
export const MONITOR_SOCKET = 'status.sock';

/** Ends the process even if something hangs: a box must never stay half stopped. */
const LAST_RESORT_MS = 8000;

/** Why the process ends: a signal, or a server that executed Reboot (3/0/4). */
type End = 'signal' | 'restart';

/** Resolves when the process is told to end. */
function untilTold(restart: { then(listener: () => void): void }): Promise<End> {
  return new Promise((resolve) => {
    restart.then(() => resolve('restart'));
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve('signal'));
  });
}

/** A gateway without a status page still does its work; two gateways with one state would not. */
async function monitorOf(plan: Plan, log: Logger, snapshot: () => unknown): Promise<Monitor | undefined> {
  try {
    return await openMonitor(`${plan.config.stateDirectory}/${MONITOR_SOCKET}`, snapshot);
  } catch (error) {
    if (!isGatewayError(error, 'monitor.unavailable')) throw error;
    log.warn({ problem: error.message }, 'status and health cannot be asked');
    return undefined;
  }
}

async function runPlan(plan: Plan, log: Logger, out: Output): Promise<number> {
  let askRestart: () => void = () => {};
  const restart = new Promise<void>((resolve) => {
    askRestart = resolve;
  });
  let gateway: Gateway | undefined;
  const monitor = await monitorOf(plan, log, () => gateway?.status() ?? {});
  gateway = createGateway(plan, {
    clock: systemClock,
    log,
    random: Math.random,
    restart: () => askRestart(),
  });
  const told = untilTold(restart);
  await gateway.start();
  out.print(
    `started: ${plan.devices.length} devices, ${plan.config.upstream.servers.length} servers, endpoint ${plan.config.upstream.endpoint}`,
  );
  const end = await told;
  log.info({ end }, 'stopping');
  setTimeout(() => process.exit(EXIT.failed), LAST_RESORT_MS).unref();
  await gateway.stop();
  await monitor?.close();
  return end === 'restart' ? EXIT.restart : EXIT.ok;
}

/** `run`: the gateway, until SIGTERM or SIGINT. */
export async function run(file: string, adapters: readonly string[], out: Output): Promise<number> {
  const { plan, faults } = await loadPlan(file, adapters);
  if (plan === undefined) {
    for (const fault of faults) out.complain(fault);
    out.complain(
      `${faults.length === 1 ? 'one fault' : `${faults.length} faults`} in the configuration; nothing was started`,
    );
    return EXIT.badConfig;
  }
  const log = createLogger(plan.config.log.level);
  try {
    return await runPlan(plan, log, out);
  } catch (error) {
    out.complain(describeError(error));
    return EXIT.failed;
  }
}
