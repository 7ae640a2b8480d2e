import type { Path, Release } from '../model/index.ts';
import { GATEWAY_OBJECT } from '../objects/index.ts';
import type { ObserveResult, Operation, Refusing, Service } from './contract.ts';
import { type Context, isRefusing, locate } from './locate.ts';
import { checkOperation, perform } from './operations.ts';
import type { Reporting } from './reporting.ts';

export interface ServicePorts {
  readonly reporting: Reporting;
  context(): Context;
  /** The server has accepted the registration. */
  isRegistered(): boolean;
  /** What it asks for is done; else it is told to wait. */
  isServing(): boolean;
  release(): Release;
  /** Something may be wrong with the way to the server: an Update shows what. */
  doubted(): void;
}

const WAIT: Refusing = { status: 'unavailable', message: 'not registered yet', retryAfterMs: 1000 };

function pathsOf(operation: Operation): readonly Path[] {
  if (operation.kind === 'read-composite') return operation.paths;
  return operation.kind === 'read' ? [operation.path] : [];
}

/** What one account serves to its server. */
export function createService(ports: ServicePorts): Service {
  const { reporting, context } = ports;
  const { observations, sending } = reporting;

  const isGateway = ({ prefix, ids }: Path): boolean => prefix === '' && ids[0] === GATEWAY_OBJECT;

  /** Does what a registered server asks for, and takes note of what it has been shown. */
  const serve = async <Answer extends { readonly status: string }>(
    paths: readonly Path[],
    act: () => Promise<Answer>,
  ): Promise<Answer | Refusing> => {
    if (!ports.isServing()) return WAIT;
    reporting.heard();
    const result = await act();
    // A server that has seen Object 25 knows the prefixes.
    if (result.status === 'content' && paths.some(isGateway)) sending.knowsDevices();
    return result;
  };

  const service: Service = {
    get isRegistered() {
      return ports.isRegistered();
    },
    get release() {
      return ports.release();
    },
    resource(path) {
      const tree = locate(context().mounts, path);
      return isRefusing(tree) ? undefined : tree.resource(path.ids);
    },
    check: (kind, path) => (ports.isServing() ? checkOperation(kind, path, context()) : WAIT),
    async perform(operation) {
      const result = await serve(pathsOf(operation), () => perform(operation, context()));
      if (operation.kind === 'write-attributes' && result.status === 'changed') observations.reconsider();
      return result;
    },
    openSink(path, size) {
      const tree = locate(context().mounts, path);
      const sink = isRefusing(tree) ? undefined : tree.sink(path.ids, size, context().caller);
      return sink === undefined ? undefined : (service.check('write', path) ?? sink);
    },
    observe: (path, query, sink) =>
      serve<ObserveResult>([path], () => observations.observe(path, query, sink)),
    observeComposite: (paths, query, sink) =>
      serve<ObserveResult>(paths, () => observations.observeComposite(paths, query, sink)),
    cancel: (path) => observations.cancel(path),
    lost() {
      // What is observed goes on being stored, until a new registration makes the server observe again.
      reporting.suspend();
      ports.doubted();
    },
    moved: () => ports.doubted(),
  };
  return service;
}
