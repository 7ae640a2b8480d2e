import { isGatewayError, type Timers } from '../base/index.ts';
import type { Attributes, Path, Release } from '../model/index.ts';
import { createReporter, type Reporter, type Watched } from '../observe/index.ts';
import type { Tree } from '../tree/index.ts';
import type { ObserveResult, Refusing, Sink } from './contract.ts';
import { type Context, changedAttributes, isRefusing, locate } from './operations.ts';

/** What the Server object says for observations without attributes of their own (OMA Core 1.2 E.2: 2, 3, 26). */
export interface ReportingDefaults {
  readonly pmin?: number;
  readonly pmax?: number;
  readonly con?: 0 | 1;
}

/** The running observations of one server. */
export interface Observations {
  observe(path: Path, query: readonly string[], sink: Sink): Promise<ObserveResult>;
  /** Attributes or defaults changed. */
  reconsider(): void;
  dropAll(): void;
  readonly size: number;
}

export interface ObservationPorts {
  readonly timers: Timers;
  monotonic(): number;
  context(): Context;
  defaults(): ReportingDefaults;
}

function comparable(tree: Tree, path: Path): Watched {
  if (path.ids.length < 3) return undefined;
  if (path.ids.length === 3 && tree.resource(path.ids)?.multiple) return undefined;
  const value = tree.peek(path.ids);
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? value
    : undefined;
}

/** Attributes given with Observe itself replace attached ones (OMA Core 1.2.2 6.4.1). */
function ownAttributes(
  tree: Tree,
  path: Path,
  query: readonly string[],
  release: Release,
): Attributes | undefined | Refusing {
  if (query.length === 0) return undefined;
  if (release !== '1.2') return { status: 'bad-request', message: 'attributes in Observe are of LwM2M 1.2' };
  try {
    const resource = path.ids.length >= 3 ? tree.resource(path.ids) : undefined;
    return changedAttributes({}, query, resource);
  } catch (error) {
    if (isGatewayError(error, 'model.bad-attribute'))
      return { status: 'bad-request', message: error.message };
    throw error;
  }
}

export function createObservations(ports: ObservationPorts): Observations {
  const running = new Set<{ readonly reporter: Reporter; stop(): void }>();
  /** Grows when attributes or defaults change, so that each observation works them out once. */
  let epoch = 0;
  /** Grows when all are dropped: what was asked before belongs to a registration that is no more. */
  let generation = 0;

  const begin = (tree: Tree, path: Path, own: Attributes | undefined, sink: Sink): { stop(): void } => {
    let known = -1;
    let attributes: Attributes = {};
    const inForce = (): Attributes => {
      if (epoch !== known) {
        known = epoch;
        attributes = { ...ports.defaults(), ...(own ?? ports.context().attributes.effective(path)) };
      }
      return attributes;
    };
    const reporter = createReporter(
      {
        attributes: inForce,
        value: () => comparable(tree, path),
        notify: () => {
          const result = tree.snapshot(path.ids, path.prefix);
          // A device without a value now is silent: an error would end the observation (RFC 7641 3.2).
          if (result.status !== 'content') return false;
          sink.notify(result.entries, inForce().con === 1);
          return true;
        },
      },
      ports,
    );
    const cancel = tree.watch(path.ids, {
      changed: () => reporter.changed(),
      removed: () => {
        observation.stop();
        sink.end({ status: 'not-found' });
      },
    });
    const observation = {
      reporter,
      stop: () => {
        if (!running.delete(observation)) return;
        reporter.stop();
        cancel?.();
      },
    };
    running.add(observation);
    return observation;
  };

  return {
    async observe(path, query, sink) {
      const { mounts, release } = ports.context();
      const tree = locate(mounts, path);
      if (isRefusing(tree)) return tree;
      const own = ownAttributes(tree, path, query, release);
      if (own !== undefined && 'status' in own) return own;
      const asked = generation;
      const result = await tree.read(path.ids, path.prefix);
      if (result.status !== 'content') return result;
      if (asked !== generation)
        return { status: 'unavailable', message: 'the registration changed meanwhile' };
      const { stop } = begin(tree, path, own, sink);
      return { status: 'content', entries: result.entries, stop };
    },
    reconsider() {
      epoch++;
      for (const { reporter } of running) reporter.reconsider();
    },
    dropAll() {
      generation++;
      for (const observation of [...running]) observation.stop();
    },
    get size() {
      return running.size;
    },
  };
}
