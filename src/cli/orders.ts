import { GatewayError } from '../base/index.ts';
import type { Arguments, Commands } from '../control/index.ts';
import type { Gateway, Reloaded } from '../wire/index.ts';

/** A Short Server ID, or none: all servers. */
function serverOf({ server }: Arguments): number | undefined {
  if (server === undefined || (typeof server === 'number' && Number.isInteger(server))) return server;
  throw new GatewayError('control.bad-request', '"server" is a Short Server ID');
}

/**
 * What a running gateway can be told on its control socket: each command of the command line that needs one, by its
 * name.
 */
export function ordersOf(gateway: Gateway, reload: () => Promise<Reloaded>): Commands {
  return {
    status: () => gateway.status(),
    devices: () => gateway.status().devices,
    update: (given) => gateway.update(serverOf(given)),
    reload,
  };
}
