import type { Adapter, AdapterHost, AdapterModule } from 'lwm2m-gateway/adapter';
import { createBus } from './bus.ts';
import { connectionType } from './connection.ts';
import { createDevice } from './device.ts';
import { registerLine } from './registers.ts';

/** One open connection: a link, the queue before it, and the devices that share it. */
export function openConnection(
  connection: Parameters<AdapterModule['open']>[0],
  gateway: AdapterHost,
): Adapter {
  const host: AdapterHost = { ...gateway, log: gateway.log.child({ connection: connection.id }) };
  const type = connectionType(connection.type);
  const link = type.createLink(connection.settings, host);
  const medium = type.medium(connection.settings);
  const line = registerLine(connection);
  const bus = createBus(link, host.clock);
  return {
    start: () => link.start(),
    attach: (plan, memory) => createDevice(plan, { bus, link, medium, line }, host, memory),
    statistics: () => ({ ...link.statistics, overloaded: bus.overloaded }),
    async close() {
      bus.close();
      await link.close();
    },
  };
}
