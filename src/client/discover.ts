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
import { HIDDEN_OBJECTS } from './locate.ts';

/**
 * Levels below the target that Discover shows when it is not told how many (OMA Core 1.2 6.3.2). Resource instances
 * are nothing that a server of 1.0 knows.
 */
function defaultDepth({ ids }: Path, release: Release): number {
  if (ids.length === 1) return 2;
  return ids.length === 3 && release === '1.0' ? 0 : 1;
}

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
  const listed = tree.list(path.ids, depth ?? defaultDepth(path, release));
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
