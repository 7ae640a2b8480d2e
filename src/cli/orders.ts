import { GatewayError } from '../base/index.ts';
import type { Arguments, Commands } from '../control/index.ts';
import type { Gateway, Reloaded } from '../wire/index.ts';

/** A Short Server ID, or none: all servers. */
function serverOf({ server }: Arguments): number | undefined {
  if (server === undefined || (typeof server === 'number' && Number.isInteger(server))) return server;
  throw new GatewayError('control.bad-request', '"server" is a Short Server ID');
}

function pathsOf({ paths }: Arguments): readonly string[] {
  if (Array.isArray(paths) && paths.length > 0 && paths.every((path) => typeof path === 'string'))
    return paths;
  throw new GatewayError('control.bad-request', '"paths" is a list of paths, e.g. ["/d01/3303/0/5700"]');
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
    send: (given) => gateway.send(pathsOf(given), serverOf(given)),
    offline: (given) => gateway.setOffline(true, serverOf(given)),
    online: (given) => gateway.setOffline(false, serverOf(given)),
    reload,
  };
}
