import {
  type Attributes,
  formatLinks,
  type Link,
  needsVersion,
  type Path,
  type Release,
} from '../model/index.ts';
import type { Listed, Refused, Tree } from '../tree/index.ts';
import type { AttributeStore } from './attribute-store.ts';

/** Objects that configure the relation to a server, and never appear in a list (OMA Core 1.2.2 6.2.1). */
export const HIDDEN_OBJECTS: ReadonlySet<number> = new Set([0, 21, 23, 24]);

/** Levels below the target that Discover shows when it is not told how many (OMA Core 1.2 6.3.2). */
const defaultDepth = (path: Path): number => (path.ids.length === 1 ? 2 : 1);

function versionParam(object: number, version: string | undefined, release: Release): { ver?: string } {
  return version !== undefined && needsVersion(object, version, release) ? { ver: version } : {};
}

function linkOf(listed: Listed, attributes: Attributes, release: Release): Link {
  const [object = 0] = listed.ids;
  return {
    target: `/${listed.ids.join('/')}`,
    params: {
      ...versionParam(object, listed.version, release),
      ...(listed.dimension === undefined ? {} : { dim: listed.dimension }),
      ...attributes,
    },
  };
}

/**
 * The links of Discover: the target with its attached and inherited attributes, all else with its own, for the
 * asking server; never a prefix (OMA Core 1.2.2 6.3.2, Gateway TS 1.1 GW-06).
 */
export function discover(
  tree: Tree,
  path: Path,
  depth: number | undefined,
  attributes: AttributeStore,
  release: Release,
): string | Refused {
  const listed = tree.list(path.ids, depth ?? defaultDepth(path));
  if ('status' in listed) return listed;
  return formatLinks(
    listed.map((one, at) => {
      const target: Path = { prefix: path.prefix, ids: one.ids };
      return linkOf(one, at === 0 ? attributes.effective(target) : attributes.own(target), release);
    }),
  );
}

/**
 * The object list of Register and Update: objects and instances of the client's own trees, `ver` where the release
 * does not imply it (OMA Core 1.2.2 6.2.1, 7.2.2).
 */
export function objectLinks(trees: readonly Tree[], release: Release): string {
  const links: Link[] = [];
  const objects = trees.flatMap((tree) => tree.objects()).sort((a, b) => a.definition.id - b.definition.id);
  for (const { definition, instances } of objects) {
    if (HIDDEN_OBJECTS.has(definition.id)) continue;
    const params = versionParam(definition.id, definition.version, release);
    // The bare object link carries the version; without one it is only needed when there are no instances.
    if (instances.length === 0 || params.ver !== undefined)
      links.push({ target: `/${definition.id}`, params });
    for (const instance of instances) links.push({ target: `/${definition.id}/${instance}`, params: {} });
  }
  return formatLinks(links);
}
