import { isDeepStrictEqual } from 'node:util';
import { isGatewayError } from '../base/index.ts';
import { type Attributes, formatPath, isWithin, type Path, sharedPath } from '../model/index.ts';
import type { Tree } from '../tree/index.ts';
import { VALUE_ATTRIBUTES } from './attribute-store.ts';
import type { ObserveResult, Refusing, Sink } from './contract.ts';
import { type Context, isRefusing, locate } from './locate.ts';
import { type About, keyOf } from './moment.ts';
import { Observation, type ObservationPorts } from './observation.ts';
import { changedAttributes } from './operations.ts';
import { isForbidden, objectsBelow, snapshotOf } from './reading.ts';
import type { TargetPorts } from './target.ts';

/** What the Server object says for observations without attributes of their own (OMA Core 1.2 E.2: 2, 3, 26). */
export interface ReportingDefaults {
  readonly pmin?: number;
  readonly pmax?: number;
  readonly con?: 0 | 1;
}

/** The observations of one server. */
export interface Observations {
  observe(path: Path, query: readonly string[], sink: Sink): Promise<ObserveResult>;
  observeComposite(paths: readonly Path[], query: readonly string[], sink: Sink): Promise<ObserveResult>;
  /** Ends all at and below a path, in silence. */
  cancel(path: Path): void;
  /** Attributes or defaults changed. */
  reconsider(): void;
  /** Objects, instances or devices came or went. */
  lookAgain(): void;
  /** Goes on storing for what was stored before a restart, until the server is registered and says what it wants. */
  recall(): void;
  /** The server forgets what it observes, but what would be stored goes on being so, until {@link registered}. */
  suspend(): void;
  /** The server has taken a new registration: it knows no observation, and says itself what it wants from now on. */
  registered(): void;
  /** The server is there and knows us: what was stored is told, then what was missed. */
  reached(): void;
  /** Rights have changed: what the server may see nothing of any more ends, and it is told so (OMA Core 1.2 8.2). */
  revoke(): void;
  /** Ends all in silence. */
  dropAll(): void;
  /** Whether the server observes this now. */
  isObserved(about: About): boolean;
  /** How many the server knows of. */
  readonly size: number;
}

export interface ObservationsPorts
  extends Omit<ObservationPorts, keyof TargetPorts | 'attributesOf' | 'isKeeper' | 'hasStored' | 'over'> {
  context(): Context;
  defaults(): ReportingDefaults;
}

/** Paths of one Observe-Composite. */
const MOST_PATHS = 1000;

const FORGOTTEN: Refusing = { status: 'unavailable', message: 'the registration changed meanwhile' };

const bad = (message: string): Refusing => ({ status: 'bad-request', message });

/** Attributes given with Observe itself (OMA Core 1.2.2 6.4.1, 6.4.4: those of a composite are of no single value). */
function ownAttributes(
  { paths: [path], isComposite, query }: About,
  { release }: Context,
  treeOf: (path: Path) => Tree | undefined,
): Attributes | undefined | Refusing {
  if (query.length === 0 || path === undefined) return undefined;
  if (release !== '1.2') return bad('attributes in Observe are of LwM2M 1.2');
  try {
    const isResource = !isComposite && path.ids.length >= 3;
    return changedAttributes({}, query, isResource ? treeOf(path)?.resource(path.ids) : undefined);
  } catch (error) {
    if (isGatewayError(error, 'model.bad-attribute')) return bad(error.message);
    throw error;
  }
}

function thresholds(attributes: Attributes): Attributes {
  return Object.fromEntries(
    VALUE_ATTRIBUTES.flatMap((name) => (attributes[name] === undefined ? [] : [[name, attributes[name]]])),
  );
}

/** Each path once; what names a whole client stands for the objects that it has now. */
function expanded(paths: readonly Path[], context: Context): Path[] {
  const all = paths.flatMap((path) => objectsBelow(path, context));
  return [...new Map(all.map((path) => [formatPath(path), path])).values()];
}

export function createObservations(ports: ObservationsPorts): Observations {
  const { backlog } = ports;
  const running = new Set<Observation>();
  /** By their paths; the last one of several is the one that stores. */
  const byKey = new Map<string, readonly Observation[]>();
  /** Have something stored that the server can be told. */
  const behind = new Set<Observation>();
  let isDelivering = false;
  let epoch = 0;
  /** Grows when the server forgets: what was asked before belongs to a registration that is no more. */
  let generation = 0;

  /** Worked out once for all. */
  let known: { readonly epoch: number; readonly defaults: ReportingDefaults } | undefined;
  const defaults = (): ReportingDefaults => {
    if (known?.epoch !== epoch) known = { epoch, defaults: ports.defaults() };
    return known.defaults;
  };

  const treeOf = (path: Path): Tree | undefined => {
    const tree = locate(ports.context().mounts, path);
    return isRefusing(tree) ? undefined : tree;
  };

  /** One message at a time, each acknowledged before the next: as fast as the server takes them. */
  const deliverNext = (): void => {
    if (isDelivering || !ports.isReachable()) return;
    for (const observation of behind) {
      behind.delete(observation);
      isDelivering = true;
      observation.deliver((fate) => {
        isDelivering = false;
        // If there is more, the others take their turns first.
        if (fate === 'told' && running.has(observation)) observation.resume();
        deliverNext();
      });
      return;
    }
  };

  const forEach: ObservationPorts = {
    ...ports,
    treeOf,
    // Own attributes stand in place of attached ones, but for the thresholds of a composite (OMA Core 1.2.2 6.4.4).
    attributesOf(path, isComposite, own) {
      const { attributes } = ports.context();
      const inForce = own !== undefined && !isComposite ? own : attributes.effective(path);
      // One object for all that nobody has attached anything to.
      if (own === undefined && Object.keys(inForce).length === 0) return defaults();
      return {
        ...defaults(),
        ...(own !== undefined && isComposite ? { ...thresholds(inForce), ...own } : inForce),
      };
    },
    snapshot: (_tree, path) => snapshotOf(path, ports.context()),
    epoch: () => epoch,
    isKeeper: (observation) => byKey.get(observation.key)?.at(-1) === observation,
    hasStored(observation) {
      behind.add(observation);
      deliverNext();
    },
    over(observation) {
      running.delete(observation);
      behind.delete(observation);
      const others = byKey.get(observation.key)?.filter((other) => other !== observation) ?? [];
      if (others.length > 0) byKey.set(observation.key, others);
      else byKey.delete(observation.key);
    },
  };

  const begin = (about: About, own: Attributes | undefined, sink: Sink | undefined): Observation => {
    const observation = new Observation(about, own, sink, forEach);
    running.add(observation);
    const others = byKey.get(observation.key);
    // Mostly there is one: an array that is spread keeps room for more.
    byKey.set(observation.key, others === undefined ? [observation] : [...others, observation]);
    return observation;
  };

  const end = (observation: Observation): void => {
    const { sink } = observation;
    observation.stop();
    backlog.discard(observation.key);
    sink?.drop();
  };

  /** A server that asks again has forgotten the token, and would be told twice (digest 9.1). */
  const replace = (about: About, { variant }: Sink): void => {
    for (const other of byKey.get(keyOf(about)) ?? []) {
      if (other.sink?.variant !== variant || !isDeepStrictEqual(other.query, about.query)) continue;
      const { sink } = other;
      other.stop();
      sink.drop();
    }
  };

  const start = (about: About, own: Attributes | undefined, sink: Sink): ObserveResult => {
    replace(about, sink);
    const observation = begin(about, own, sink);
    // Not what was read before: it may have changed since.
    const read = observation.read();
    if ('status' in read && !about.isComposite) {
      observation.stop();
      return read;
    }
    // A composite that shows nothing now is answered with nothing, and waits (OMA Core 1.2.2 6.3.8).
    const entries = 'status' in read ? [] : read;
    // What was stored for an earlier one follows the first answer.
    if (backlog.has(observation.key)) observation.resume();
    return { status: 'content', entries, relation: observation };
  };

  return {
    async observe(path, query, sink) {
      const tree = locate(ports.context().mounts, path);
      if (isRefusing(tree)) return tree;
      const own = ownAttributes({ paths: [path], isComposite: false, query }, ports.context(), treeOf);
      if (own !== undefined && 'status' in own) return own;
      const asked = generation;
      const result = await tree.read(path.ids, path.prefix);
      if (result.status !== 'content') return result;
      const about: About = { paths: [sharedPath(path, result.entries)], isComposite: false, query };
      return asked === generation ? start(about, own, sink) : FORGOTTEN;
    },
    async observeComposite(paths, query, sink) {
      const about: About = { paths: expanded(paths, ports.context()), isComposite: true, query };
      if (about.paths.length > MOST_PATHS) return bad(`more than ${MOST_PATHS} paths`);
      const own = ownAttributes(about, ports.context(), treeOf);
      if (own !== undefined && 'status' in own) return own;
      const asked = generation;
      // Values that are too old are fetched; which of them there are is looked at afterwards.
      await Promise.all(about.paths.map((path) => treeOf(path)?.read(path.ids, path.prefix)));
      return asked === generation ? start(about, own, sink) : FORGOTTEN;
    },
    cancel(path) {
      const isMeant = ({ prefix, ids }: Path): boolean => prefix === path.prefix && isWithin(path.ids, ids);
      for (const observation of [...running]) {
        const { isComposite, parts } = observation;
        if (!isComposite && parts.every(({ path }) => isMeant(path))) end(observation);
      }
    },
    reconsider() {
      epoch++;
      for (const observation of [...running]) observation.reconsider();
    },
    lookAgain() {
      for (const observation of [...running]) observation.lookAgain();
    },
    recall() {
      for (const about of backlog.abouts()) {
        const own = ownAttributes(about, ports.context(), treeOf);
        if (own === undefined || !('status' in own)) begin(about, own, undefined);
      }
    },
    suspend() {
      generation++;
      for (const observation of [...running]) observation.suspend();
    },
    registered() {
      for (const observation of [...running]) if (observation.sink === undefined) observation.stop();
    },
    reached() {
      for (const observation of [...running]) if (observation.sink !== undefined) observation.resume();
    },
    revoke() {
      for (const observation of [...running]) {
        if (!observation.parts.every(({ path }) => isForbidden(path, ports.context()))) continue;
        const { sink } = observation;
        observation.stop();
        backlog.discard(observation.key);
        sink?.end({ status: 'unauthorized' });
      }
    },
    dropAll() {
      generation++;
      for (const observation of [...running]) observation.stop();
    },
    isObserved: ({ paths, isComposite, query }) =>
      byKey.get(keyOf({ paths, isComposite, query }))?.some(({ sink }) => sink !== undefined) ?? false,
    get size() {
      let size = 0;
      for (const { sink } of running) if (sink !== undefined) size++;
      return size;
    },
  };
}
