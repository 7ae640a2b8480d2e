import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Simulation } from '../../src/adapter/index.ts';
import { type Logger, silentLogger, systemClock } from '../../src/base/index.ts';
import { loadPlan } from '../../src/cli/load.ts';
import { createGateway, type Gateway, type Plan } from '../../src/wire/index.ts';

/** What a site has of a running gateway. */
export interface RunningGateway extends Gateway {
  readonly plan: Plan;
}

/** A place where a gateway is installed: a folder with its configuration and state, meters, and how it all ends. */
export interface Site {
  /** Gone with everything in it after {@link close}. */
  readonly folder: string;
  /** Writes a file into the folder, or into one below it. @returns its path */
  write(name: string, text: string): Promise<string>;
  /** What a configuration means; state and logging are added to it. Throws what is wrong with it. */
  plan(config: string): Promise<Plan>;
  /** The devices of a configuration, simulated by the adapter that their profiles name. */
  simulate(config: string): Promise<Simulation>;
  /** The whole program but its command line, started. The state folder is the same for each start at this site. */
  start(config: string, log?: Logger): Promise<RunningGateway>;
  /** Takes away what gateways have remembered here. */
  forget(): Promise<void>;
  /** Calls it when the site closes: the newest first. */
  onClose(release: () => unknown): void;
  close(): Promise<void>;
}

const LOOK_AGAIN_MS = 20;

export async function openSite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'lwm2m-gateway-'));
  const releases: (() => unknown)[] = [];

  const site: Site = {
    folder,
    async write(name, text) {
      const file = join(folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
    async plan(config) {
      const file = await site.write('gateway.yaml', completed(config, folder));
      const { plan, faults } = await loadPlan(file);
      if (plan === undefined) throw new Error(faults.join('\n'));
      return plan;
    },
    async simulate(config) {
      const { devices } = await site.plan(config);
      const plans = devices.map(({ compiled }) => compiled.plan);
      const host = { clock: systemClock, log: silentLogger, random: Math.random };
      const simulation = await devices[0]?.adapter.simulate?.(plans, host);
      if (simulation === undefined) throw new Error('these devices cannot be simulated');
      site.onClose(() => simulation.close());
      return simulation;
    },
    async start(config, log = silentLogger) {
      const plan = await site.plan(config);
      const ports = { clock: systemClock, log, random: Math.random, restart() {} };
      const gateway = createGateway(plan, ports);
      let stopped: Promise<void> | undefined;
      const stop = (): Promise<void> => {
        stopped ??= gateway.stop();
        return stopped;
      };
      site.onClose(stop);
      await gateway.start();
      return { ...gateway, plan, stop };
    },
    forget: () => rm(join(folder, 'state'), { recursive: true }),
    onClose(release) {
      releases.push(release);
    },
    async close() {
      for (const release of releases.splice(0).reverse()) await release();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return site;
}

/** The configuration with what every site has. */
export function completed(config: string, folder: string): string {
  return `${config}\nstate: { path: "${folder}/state" }\nlog: { level: silent }\n`;
}

/** Waits until `look` gives something, and gives it back. What it throws is not waited out: it may be a failed check. */
export async function eventually<T>(
  look: () => T | Promise<T>,
  withinMs = 5000,
): Promise<Exclude<T, undefined | false>> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    if (performance.now() > giveUpAt) throw new Error(`not within ${withinMs} ms: ${look}`);
    await pause(LOOK_AGAIN_MS);
  }
}
