import type { Clock, Timers } from '../base/index.ts';
import { formatLinks, type Link } from '../model/index.ts';
import {
  GATEWAY_OBJECT,
  GATEWAY_VERSION,
  gatewayDeviceInstance,
  gatewayInstance,
  IOT_DEVICE_OBJECTS,
} from '../objects/index.ts';
import { createTree, type Tree } from '../tree/index.ts';
import { VERSION } from '../version.ts';
import { definitionOf } from './definitions.ts';
import type { FleetListener } from './fleet.ts';

/** The gateway's own objects, with one instance of Object 25 for each device that is there. */
export interface OwnObjects extends FleetListener {
  readonly tree: Tree;
}

export interface OwnPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly restart: () => void;
}

/** The answer to Reboot goes out before the process ends. */
const RESTART_DELAY_MS = 200;

/** Object 25, resource 3: objects and instances of a device, with every version that is not 1.0, without prefix. */
function deviceLinks(tree: Tree): string {
  const links = tree.objects().flatMap(({ definition, instances }): Link[] => {
    const target = `/${definition.id}`;
    const versioned = definition.version === '1.0' ? [] : [{ target, params: { ver: definition.version } }];
    return [...versioned, ...instances.map((instance) => ({ target: `${target}/${instance}`, params: {} }))];
  });
  return formatLinks(links);
}

/** @param name of the gateway: its endpoint, which is its serial number too */
export function createOwnObjects(name: string, { clock, timers, restart }: OwnPorts): OwnObjects {
  const tree = createTree({ clock });
  const gateway = definitionOf(GATEWAY_OBJECT, GATEWAY_VERSION);
  tree.addInstance(
    gatewayDeviceInstance(
      definitionOf(3),
      {
        manufacturer: 'lwm2m-gateway',
        model: 'lwm2m-gateway',
        serialNumber: name,
        firmwareVersion: VERSION,
      },
      { clock, restart: () => timers.after(RESTART_DELAY_MS, restart) },
    ),
  );
  tree.addObject(gateway);
  return {
    tree,
    came({ device, identity }) {
      const end = { ...identity, objects: () => deviceLinks(device.tree) };
      tree.addInstance(gatewayInstance(gateway, identity.instance, end));
      device.tree.onStructure(() => tree.touch([GATEWAY_OBJECT, identity.instance, IOT_DEVICE_OBJECTS]));
    },
    went: ({ identity }) => tree.removeInstance(GATEWAY_OBJECT, identity.instance),
  };
}
