import { isGatewayError, type Logger, messageOf } from '../base/index.ts';
import type {
  Fate,
  ObserveResult,
  Operation,
  Refusing,
  Relation,
  Result,
  Service,
  Sink,
  Telling,
} from '../client/index.ts';
import type {
  CoapRequest,
  CoapResponse,
  NotificationOutcome,
  NotifyOptions,
  ObservationEnd,
  ObservationOwner,
  ServerObservation,
} from '../coap/index.ts';
import type { Format } from '../codec/index.ts';
import { type Entry, formatPath, type Path, type Release, ROOT, sharedPath } from '../model/index.ts';
import { dispatch, type Kind, LINK_FORMAT, TEXT } from './dispatch.ts';
import { negotiate, negotiateComposite } from './formats.ts';
import { operationOf, pathReader, pathsIn, type Target, UNSUPPORTED_FORMAT } from './payloads.ts';
import { refusal } from './refusal.ts';
import { RESPONSE_CODES } from './statuses.ts';
import { withOneTime } from './times.ts';

/** Values of several times are history in every release, and here that is what they are. */
const NEWEST: Release = '1.2';

const NOT_ACCEPTABLE: CoapResponse = { code: '4.06' };

/** How answers about one path are written. */
interface Writing {
  readonly format: Format;
  readonly path: Path;
  readonly release: Release;
}

function content(entries: readonly Entry[], { format, path, release }: Writing): CoapResponse {
  const isPlain = release === '1.2' || !format.carriesTime;
  return {
    code: RESPONSE_CODES.content,
    contentFormat: format.contentFormat,
    payload: format.encode(isPlain ? entries : withOneTime(entries), { base: path }),
  };
}

function answerOf(result: Exclude<Result, { status: 'content' }>): CoapResponse {
  switch (result.status) {
    case 'links':
      return { code: RESPONSE_CODES.links, contentFormat: LINK_FORMAT, payload: Buffer.from(result.links) };
    case 'changed':
    case 'deleted':
      return { code: RESPONSE_CODES[result.status] };
    case 'created':
      return { code: RESPONSE_CODES.created, location: formatPath(result.path).slice(1).split('/') };
    default:
      return refusal(result);
  }
}

/** What an operation is checked as before its format and payload are looked at. */
const CHECKED_AS: Readonly<Record<Kind, Operation['kind']>> = {
  read: 'read',
  observe: 'read',
  'cancel-observe': 'read',
  discover: 'discover',
  replace: 'write',
  update: 'write',
  'write-attributes': 'write-attributes',
  execute: 'execute',
  create: 'create',
  delete: 'delete',
  'read-composite': 'read-composite',
  'observe-composite': 'read-composite',
  'cancel-observe-composite': 'read-composite',
  'write-composite': 'write-composite',
};

const FATES: Readonly<Record<NotificationOutcome, Fate>> = {
  acknowledged: 'told',
  sent: 'told',
  // One at a time is under way; what was said before the first answer was on its way has a successor.
  superseded: 'told',
  timeout: 'unreached',
  ended: 'ended',
};

/** What all sinks of one server share. */
interface SinkPorts {
  readonly log: Logger;
  /** The server has ended an observation with this token by asking so. */
  onDeregistered(token: Uint8Array): void;
}

/** What is told, and how. */
type News = readonly [response: CoapResponse, options: NotifyOptions];

/**
 * Carries what an observation says into notifications, in the format of its first answer (RFC 7641 4.2). A class, since
 * there may be tens of thousands.
 */
class NotificationSink implements Sink, Writing, ObservationOwner {
  readonly format: Format;
  readonly release: Release;
  path: Path;
  readonly #ports: SinkPorts;
  #relation: Relation | undefined;
  #handle: ServerObservation | undefined;
  /** Said before the first answer was on its way; only the newest counts. */
  #early: News | undefined;

  constructor({ format, release, path }: Writing, ports: SinkPorts) {
    this.format = format;
    this.release = release;
    this.path = path;
    this.#ports = ports;
  }

  get carriesTime(): boolean {
    return this.format.carriesTime;
  }

  get variant(): string {
    return String(this.format.contentFormat);
  }

  notify(entries: readonly Entry[], { confirmable, isHistory, settled }: Telling): void {
    let response: CoapResponse;
    try {
      response = content(
        entries,
        isHistory ? { format: this.format, path: this.path, release: NEWEST } : this,
      );
    } catch (error) {
      this.#ports.log.error({ problem: messageOf(error) }, 'a notification could not be written');
      settled('told');
      return;
    }
    this.#say(response, { confirmable, onSettled: (outcome) => settled(FATES[outcome]) });
  }

  /** A last word must not get lost (OMA Core 1.2.2 6.4.2). */
  end(refusing: Refusing): void {
    this.#say(refusal(refusing), { confirmable: true });
  }

  drop(): void {
    this.#handle?.cancel();
  }

  /** @param entries of the first answer */
  accept(relation: Relation, entries: readonly Entry[]): void {
    this.#relation = relation;
    this.path = sharedPath(this.path, entries);
  }

  begin(opened: ServerObservation): void {
    this.#handle = opened;
    opened.survivesTimeout = true;
    opened.owner = this;
    if (this.#early !== undefined) opened.notify(...this.#early);
    this.#early = undefined;
  }

  ended(reason: ObservationEnd, { token }: ServerObservation): void {
    if (reason === 'deregistered') this.#ports.onDeregistered(token);
    this.#relation?.release(this, reason === 'deregistered' || reason === 'reset');
  }

  #say(response: CoapResponse, options: NotifyOptions): void {
    if (this.#handle !== undefined) {
      this.#handle.notify(response, options);
      return;
    }
    this.#early?.[1].onSettled?.('superseded');
    this.#early = [response, options];
  }
}

/** Serves the requests of one LwM2M server. */
export function createRequestHandler(
  service: Service,
  log: Logger,
): (request: CoapRequest) => Promise<CoapResponse> {
  const writingFor = ({ accept }: CoapRequest, path: Path): Writing | undefined => {
    const { release } = service;
    const format = negotiate(accept, path, service.resource(path), release);
    return format === undefined ? undefined : { format, path, release };
  };

  const read = async (request: CoapRequest, path: Path): Promise<CoapResponse> => {
    const writing = writingFor(request, path);
    if (writing === undefined) return NOT_ACCEPTABLE;
    const result = await service.perform({ kind: 'read', path });
    return result.status === 'content' ? content(result.entries, writing) : answerOf(result);
  };

  /** What a composite read names and how it is answered, or why it is not. */
  const compositeOf = (
    request: CoapRequest,
    target: Target,
  ): { readonly paths: readonly Path[]; readonly writing: Writing } | CoapResponse => {
    const decode = pathReader(target);
    if (decode === undefined) return UNSUPPORTED_FORMAT;
    const format = negotiateComposite(request.accept, target.contentFormat ?? TEXT);
    if (format === undefined) return NOT_ACCEPTABLE;
    const paths = pathsIn(request, target, decode);
    return 'code' in paths ? paths : { paths, writing: { format, path: ROOT, release: service.release } };
  };

  const readComposite = async (request: CoapRequest, target: Target): Promise<CoapResponse> => {
    const composite = compositeOf(request, target);
    if ('code' in composite) return composite;
    const { paths, writing } = composite;
    const result = await service.perform({ kind: 'read-composite', path: target.path, paths });
    return result.status === 'content' ? content(result.entries, writing) : answerOf(result);
  };

  /** The token of an observation that a request with Observe=1 has just ended. */
  let ended: Uint8Array | undefined;

  const sinkPorts: SinkPorts = {
    log,
    onDeregistered(token) {
      ended = token;
    },
  };

  const observed = (sink: NotificationSink, result: ObserveResult): CoapResponse => {
    if (result.status !== 'content') return refusal(result);
    const { entries, relation } = result;
    sink.accept(relation, entries);
    try {
      return { ...content(entries, sink), onObserve: (handle) => sink.begin(handle) };
    } catch (error) {
      relation.release(sink, false);
      throw error;
    }
  };

  const observe = async (request: CoapRequest, path: Path): Promise<CoapResponse> => {
    const writing = writingFor(request, path);
    if (writing === undefined) return NOT_ACCEPTABLE;
    const sink = new NotificationSink(writing, sinkPorts);
    return observed(sink, await service.observe(path, request.query, sink));
  };

  const observeComposite = async (request: CoapRequest, target: Target): Promise<CoapResponse> => {
    const composite = compositeOf(request, target);
    if ('code' in composite) return composite;
    const { paths, writing } = composite;
    const sink = new NotificationSink(writing, sinkPorts);
    const result = await service.observeComposite(paths, request.query, sink);
    if (target.kind === 'observe-composite') return observed(sink, result);
    // The end of an observation is answered like a read.
    if (result.status !== 'content') return refusal(result);
    result.relation.release(sink, false);
    return content(result.entries, writing);
  };

  /** Observe=1 with the token of an observation has ended it; with another one, all at and below the path. */
  const cancel = ({ token }: CoapRequest, path: Path): void => {
    if (ended === undefined || Buffer.compare(ended, token) !== 0) service.cancel(path);
    ended = undefined;
  };

  const handle = async (request: CoapRequest): Promise<CoapResponse> => {
    const target = dispatch(request, service.release, (path) => service.resource(path));
    if ('refuse' in target) return { code: target.refuse };
    const { kind, path } = target;
    const refused = service.check(CHECKED_AS[kind], path);
    if (refused !== undefined) return refusal(refused);
    if (kind === 'observe') return observe(request, path);
    if (kind === 'cancel-observe') cancel(request, path);
    if (kind === 'read' || kind === 'cancel-observe') return read(request, path);
    if (kind === 'read-composite') return readComposite(request, target);
    if (kind === 'observe-composite' || kind === 'cancel-observe-composite')
      return observeComposite(request, target);
    const operation = operationOf(kind, target, request, service);
    if ('code' in operation) return operation;
    const result = await service.perform(operation);
    return result.status === 'content' ? NOT_ACCEPTABLE : answerOf(result);
  };

  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      if (isGatewayError(error, 'codec.not-representable')) return NOT_ACCEPTABLE;
      log.error({ problem: messageOf(error) }, 'a request failed');
      return { code: '5.00' };
    }
  };
}
