import { isGatewayError } from '../base/index.ts';
import {
  type Attributes,
  changeAttributes,
  formatPath,
  isAttributeName,
  type Path,
  parsePath,
} from '../model/index.ts';
import type { Watch } from '../tree/index.ts';

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
  /** Forgets what is attached to instances that are not there, and below them; what an object has stays (digest 8.5). */
  prune(exists: (instance: Path) => boolean): void;
  /** All that is attached, as a JSON document. */
  export(): unknown;
  /** Attaches what {@link export} gave; what cannot be understood is left out. */
  import(document: unknown): void;
  /** Watches nothing any more, and keeps what is attached. */
  stop(): void;
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

/** What is attached at one path. */
interface Attachment {
  readonly path: Path;
  readonly attributes: Attributes;
  readonly watching: Watch | undefined;
}

/**
 * @param onChanged hears of every change but {@link AttributeStore.import}
 * @param watch has `removed` called when what is at a path goes: its attributes go with it, and are not those of
 *   whatever comes there later
 */
export function createAttributeStore(
  onChanged: () => void = () => {},
  watch: (path: Path, removed: () => void) => Watch | undefined = () => undefined,
): AttributeStore {
  const attached = new Map<string, Attachment>();

  const detach = (key: string): void => {
    attached.get(key)?.watching?.stop();
    attached.delete(key);
  };
  const attach = (path: Path, attributes: Attributes): void => {
    const key = formatPath(path);
    const removed = (): void => {
      detach(key);
      onChanged();
    };
    // What an object has stays, whatever instances it has (digest 8.5).
    const watching = attached.get(key)?.watching ?? (path.ids.length > 1 ? watch(path, removed) : undefined);
    attached.set(key, { path, attributes, watching });
  };

  const own = (path: Path): Attributes => attached.get(formatPath(path))?.attributes ?? NONE;
  return {
    own,
    set(path, attributes) {
      if (Object.keys(attributes).length === 0) detach(formatPath(path));
      else attach(path, attributes);
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
        if (path.ids.length >= 2 && !exists({ prefix: path.prefix, ids: path.ids.slice(0, 2) })) detach(key);
      }
      if (attached.size < before) onChanged();
    },
    stop() {
      for (const [key, { path, attributes, watching }] of attached) {
        watching?.stop();
        attached.set(key, { path, attributes, watching: undefined });
      }
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
          if (attributes !== undefined) attach(parsePath(key), attributes);
        } catch (error) {
          if (!isGatewayError(error)) throw error;
        }
      }
    },
  };
}
