import { isGatewayError } from '../base/index.ts';
import {
  type Attributes,
  changeAttributes,
  formatPath,
  isAttributeName,
  type Path,
  parsePath,
} from '../model/index.ts';

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
  /** Forgets what is attached to instances that are gone, and below them; what an object has stays (digest 8.5). */
  prune(exists: (instance: Path) => boolean): void;
  /** All that is attached, as a JSON document. */
  export(): unknown;
  /** Attaches what {@link export} gave; what cannot be understood is left out. */
  import(document: unknown): void;
}

const NONE: Attributes = {};

/** Attributes of a value, which mean nothing above the resource. */
export const VALUE_ATTRIBUTES = ['gt', 'lt', 'st', 'edge'] as const;

/** JSON has no whole numbers beyond 2^53: they become texts. */
const asJson = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

function fromJson(value: unknown): Attributes | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const change: Record<string, number | bigint> = {};
  for (const [name, one] of Object.entries(value)) {
    if (!isAttributeName(name)) return undefined;
    if (typeof one === 'number' && Number.isFinite(one)) change[name] = one;
    else if (typeof one === 'string' && /^-?\d{1,40}$/.test(one)) change[name] = BigInt(one);
    else return undefined;
  }
  return changeAttributes(NONE, change);
}

/** @param onChanged hears of every change but {@link AttributeStore.import} */
export function createAttributeStore(onChanged: () => void = () => {}): AttributeStore {
  const attached = new Map<string, { readonly path: Path; readonly attributes: Attributes }>();
  const own = (path: Path): Attributes => attached.get(formatPath(path))?.attributes ?? NONE;
  return {
    own,
    set(path, attributes) {
      if (Object.keys(attributes).length === 0) attached.delete(formatPath(path));
      else attached.set(formatPath(path), { path, attributes });
      onChanged();
    },
    effective(path) {
      let merged: Attributes = NONE;
      for (let depth = 1; depth <= path.ids.length && attached.size > 0; depth++) {
        const at = own({ prefix: path.prefix, ids: path.ids.slice(0, depth) });
        if (at !== NONE) merged = { ...merged, ...at };
      }
      if (path.ids.length >= 3 || merged === NONE) return merged;
      const structural: { -readonly [name in keyof Attributes]: Attributes[name] } = { ...merged };
      for (const name of VALUE_ATTRIBUTES) delete structural[name];
      return structural;
    },
    prune(exists) {
      const before = attached.size;
      for (const [key, { path }] of attached) {
        if (path.ids.length >= 2 && !exists({ prefix: path.prefix, ids: path.ids.slice(0, 2) }))
          attached.delete(key);
      }
      if (attached.size < before) onChanged();
    },
    export: () =>
      JSON.parse(
        JSON.stringify(
          Object.fromEntries([...attached].map(([key, { attributes }]) => [key, attributes])),
          asJson,
        ),
      ),
    import(document) {
      if (typeof document !== 'object' || document === null) return;
      for (const [key, value] of Object.entries(document)) {
        try {
          const attributes = fromJson(value);
          if (attributes !== undefined) attached.set(key, { path: parsePath(key), attributes });
        } catch (error) {
          if (!isGatewayError(error)) throw error;
        }
      }
    },
  };
}
