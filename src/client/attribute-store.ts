import { type Attributes, formatPath, type Path } from '../model/index.ts';

/** The attributes that one server has written (OMA Core 1.2.2 7.3.2): kept per path, none shared between servers. */
export interface AttributeStore {
  /** What is attached at this very path. */
  own(path: Path): Attributes;
  set(path: Path, attributes: Attributes): void;
  /**
   * What is in force at a path: the nearest definition from the path up to its object. gt, lt, st and edge come
   * from the resource at most.
   */
  effective(path: Path): Attributes;
}

const NONE: Attributes = {};

/** Attributes of a value, which mean nothing above the resource. */
const ONLY_ON_RESOURCES = ['gt', 'lt', 'st', 'edge'] as const;

export function createAttributeStore(): AttributeStore {
  const attached = new Map<string, Attributes>();
  const own = (path: Path): Attributes => attached.get(formatPath(path)) ?? NONE;
  return {
    own,
    set(path, attributes) {
      if (Object.keys(attributes).length === 0) attached.delete(formatPath(path));
      else attached.set(formatPath(path), attributes);
    },
    effective(path) {
      let merged: Attributes = NONE;
      for (let depth = 1; depth <= path.ids.length && attached.size > 0; depth++) {
        const at = own({ prefix: path.prefix, ids: path.ids.slice(0, depth) });
        if (at !== NONE) merged = { ...merged, ...at };
      }
      if (path.ids.length >= 3 || merged === NONE) return merged;
      const structural: { -readonly [name in keyof Attributes]: Attributes[name] } = { ...merged };
      for (const name of ONLY_ON_RESOURCES) delete structural[name];
      return structural;
    },
  };
}
