import type { Clock, Timers } from '../base/index.ts';
import type { BoxConfig } from '../config/index.ts';
import { runCommand } from '../firmware/index.ts';
import { formatLinks, type Link, type ObjectDefinition } from '../model/index.ts';
import {
  COLLECTION_PERIOD,
  type ConnectivityStatistics,
  connectivityInstance,
  createConnectivityStatistics,
  createEventLog,
  GATEWAY_OBJECT,
  GATEWAY_VERSION,
  gatewayDeviceInstance,
  gatewayInstance,
  IOT_DEVICE_OBJECTS,
  type LogRecord,
  locationInstance,
  storedObject,
} from '../objects/index.ts';
import { createTree, DONE, type Outcome, type Tree } from '../tree/index.ts';
import { VERSION } from '../version.ts';
import { definitionOf } from './definitions.ts';
import type { Member } from './fleet.ts';

/** What Object 25 says about a device. */
interface ShownDevice extends Pick<Member, 'identity'> {
  readonly device: Pick<Member['device'], 'tree'>;
}

/** The gateway's own objects, with one instance of Object 25 for each device that is there. */
export interface OwnObjects {
  readonly tree: Tree;
  came(shown: ShownDevice): void;
  went(shown: Pick<ShownDevice, 'identity'>): void;
  /** For the Event Log. */
  record(record: LogRecord): void;
  /** For Connectivity Statistics. */
  readonly traffic: Pick<ConnectivityStatistics, 'sent' | 'received'>;
}

export interface OwnPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  /** The process should end and be started again. */
  restart(): void;
  /** Forgets what servers and bootstraps have set. */
  forget(): Promise<void>;
}

const STATISTICS_OBJECT = 7;

/** The answer to Reboot goes out before the process ends. */
const RESTART_DELAY_MS = 200;

/** How long a command may take that a server waits for. */
const COMMAND_MS = 10_000;

/** Object 25, resource 3: objects and instances of a device, with every version that is not 1.0, without prefix. */
function deviceLinks(tree: Tree): string {
  const links = tree.objects().flatMap(({ definition, instances }): Link[] => {
    const target = `/${definition.id}`;
    const versioned = definition.version === '1.0' ? [] : [{ target, params: { ver: definition.version } }];
    return [...versioned, ...instances.map((instance) => ({ target: `${target}/${instance}`, params: {} }))];
  });
  return formatLinks(links);
}

/**
 * @param name of the gateway: its endpoint, which is its serial number too
 * @param stored objects in which servers may keep what they like
 */
export function createOwnObjects(
  name: string,
  box: BoxConfig,
  stored: readonly ObjectDefinition[],
  ports: OwnPorts,
): OwnObjects {
  const { clock, timers } = ports;
  const tree = createTree({ clock });
  const gateway = definitionOf(GATEWAY_OBJECT, GATEWAY_VERSION);
  const eventLog = createEventLog(definitionOf(20), (resource) => tree.touch([20, 0, resource]));

  const soon = (act: () => void): void => {
    timers.after(RESTART_DELAY_MS, act);
  };
  const { reboot, setTime, location } = box;

  /** A box that a command reboots ends with it; one without such a command is started again by who started it. */
  const restart = (): void =>
    soon(() => {
      if (reboot === undefined) ports.restart();
      else void runCommand(reboot, [], COMMAND_MS);
    });

  const setClock = (command: BoxConfig['setTime'] & object) => {
    return async (seconds: number): Promise<Outcome> => {
      const { code, lastWords } = await runCommand(command, [String(seconds)], COMMAND_MS);
      return code === 0 ? DONE : { status: 'failed', message: `the clock was not set: ${lastWords}` };
    };
  };

  tree.addInstance(
    gatewayDeviceInstance(
      definitionOf(3),
      {
        manufacturer: 'lwm2m-gateway',
        model: 'lwm2m-gateway',
        serialNumber: name,
        firmwareVersion: VERSION,
      },
      {
        clock,
        restart,
        resetToFactory: () => soon(() => void ports.forget().then(ports.restart)),
        ...(setTime === undefined ? {} : { setTime: setClock(setTime) }),
      },
    ),
  );
  tree.addInstance(connectivityInstance(definitionOf(4), clock));
  if (location !== undefined)
    tree.addInstance(locationInstance(definitionOf(6), location, Math.floor(clock.now() / 1000)));
  const traffic = createConnectivityStatistics(definitionOf(STATISTICS_OBJECT), {
    timers,
    period: () => tree.peek([STATISTICS_OBJECT, 0, COLLECTION_PERIOD]),
    changed: (resources) => tree.touch(...resources.map((resource) => [STATISTICS_OBJECT, 0, resource])),
  });
  tree.addInstance(traffic.setup);
  tree.addInstance(eventLog.setup);
  tree.addObject(gateway);
  for (const definition of stored) tree.addObject(definition, storedObject(tree, definition));
  return {
    tree,
    record: eventLog.add,
    traffic,
    came({ device, identity }) {
      const end = { ...identity, objects: () => deviceLinks(device.tree) };
      tree.addInstance(gatewayInstance(gateway, identity.instance, end));
      device.tree.onStructure(() => tree.touch([GATEWAY_OBJECT, identity.instance, IOT_DEVICE_OBJECTS]));
    },
    went: ({ identity }) => tree.removeInstance(GATEWAY_OBJECT, identity.instance),
  };
}
