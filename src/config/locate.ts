import type { DeviceSource, ProfileSource } from './device.ts';
import { type Location, locationOf } from './fault.ts';
import { childOf, descend, type Node } from './node.ts';

/** The thing that a path starts from. */
export type Origin =
  | { readonly kind: 'upstream' }
  | { readonly kind: 'connection'; readonly id: string }
  | { readonly kind: 'profile'; readonly id: string }
  | { readonly kind: 'device'; readonly id: string };

/** The trees of everything that can be located. */
export interface Sources {
  readonly main: Node;
  readonly connections: ReadonlyMap<string, Node>;
  readonly profiles: ReadonlyMap<string, ProfileSource>;
  readonly devices: readonly DeviceSource[];
}

/** Where `path` is written, or as much of it as is there. */
export function locate(sources: Sources, origin: Origin, path: readonly (string | number)[]): Location {
  const { roots, protocol } = rootsOf(origin, sources);
  const steps = inFile(path, protocol);
  const [first, ...others] = roots.map((root) => descend(root, steps));
  const best = others.reduce((a, b) => (a !== undefined && a.steps >= b.steps ? a : b), first);
  return locationOf((best?.node ?? sources.main).place);
}

/** `path` with the keys of the file: the plans that adapters get set the keys of the protocol apart. */
function inFile(
  path: readonly (string | number)[],
  protocol: string | undefined,
): readonly (string | number)[] {
  return path.flatMap((step, index) => {
    if (step === 'settings' || step === 'address') return [];
    const isSection = step === 'protocolSettings' || (step === 'protocol' && index < path.length - 1);
    return isSection && protocol !== undefined ? [protocol] : [step];
  });
}

interface Roots {
  /** the likeliest first */
  readonly roots: readonly Node[];
  readonly protocol?: string | undefined;
}

/** The trees in which a path of `origin` may lie. */
function rootsOf(origin: Origin, sources: Sources): Roots {
  const { main } = sources;
  switch (origin.kind) {
    case 'upstream':
      return { roots: [childOf(main, 'upstream') ?? main] };
    case 'connection':
      return { roots: [sources.connections.get(origin.id) ?? main] };
    case 'profile': {
      const source = sources.profiles.get(origin.id);
      return { roots: [source?.node ?? main], protocol: source?.protocol };
    }
    case 'device': {
      const source = sources.devices.find(({ device }) => device.id === origin.id);
      if (source === undefined) return { roots: [main] };
      return { roots: [source.node, source.profile], protocol: source.device.profile.protocol };
    }
  }
}
