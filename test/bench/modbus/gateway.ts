import { startRole } from '../children.ts';
import { startGateway as startWith } from '../scene.ts';
import { writeSite } from './site.ts';
import type { Stage } from './stage.ts';
import type { Running, Subject } from './subject.ts';

/** The program as users run it, between the field and an LwM2M server. */
export const gateway: Subject = {
  name: 'lwm2m-gateway',
  tells: 'LwM2M notifications',
  missing: () => undefined,
  start: (stage) => startGateway(stage),
};

/** @param nodeOptions for the runtime itself */
export async function startGateway(
  { load, folder, where, startMs }: Stage,
  nodeOptions: readonly string[] = [],
): Promise<Running> {
  const server = startRole('modbus-server', [String(startMs), load.name]);
  const config = await writeSite(load, folder, where, await server.ask<number>('port'));
  const program = await startWith(config, nodeOptions);
  const ready = Promise.race([
    server.ask('observe'),
    program.ended.then(() => {
      throw new Error('the gateway ended');
    }),
  ]);
  return {
    pid: program.pid,
    upstream: server,
    ready,
    async stop() {
      await program.stop();
      await server.stop();
    },
  };
}

export const bareLoop: Subject = {
  name: 'bare modbus-serial loop',
  tells: 'nobody',
  missing: () => undefined,
  async start({ load, where, startMs }) {
    const loop = startRole('modbus-bare', [String(startMs), load.name, where]);
    return { pid: loop.pid, upstream: loop, ready: Promise.resolve(), stop: () => loop.stop() };
  },
};
