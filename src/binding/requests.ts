import { isGatewayError, type Logger, messageOf } from '../base/index.ts';
import type { Operation, Refusing, Result, Service, Sink } from '../client/index.ts';
import type { CoapRequest, CoapResponse, ServerObservation } from '../coap/index.ts';
import { type Format, formatFor } from '../codec/index.ts';
import type { Entry, Path } from '../model/index.ts';
import { dispatch, type Kind, LINK_FORMAT } from './dispatch.ts';
import { negotiate } from './formats.ts';
import { RESPONSE_CODES } from './statuses.ts';

const NOT_ACCEPTABLE: CoapResponse = { code: '4.06' };
const UNSUPPORTED_FORMAT: CoapResponse = { code: '4.15' };

/** A refusal with its reason as diagnostic payload (RFC 7252 5.5.2). */
function refusal(result: Refusing): CoapResponse {
  return {
    code: RESPONSE_CODES[result.status],
    ...(result.message === undefined ? {} : { payload: Buffer.from(result.message) }),
    ...(result.retryAfterMs === undefined
      ? {}
      : { maxAgeS: Math.max(1, Math.ceil(result.retryAfterMs / 1000)) }),
  };
}

function content(entries: readonly Entry[], format: Format, base: Path): CoapResponse {
  return {
    code: RESPONSE_CODES.content,
    contentFormat: format.contentFormat,
    payload: format.encode(entries, { base }),
  };
}

function answerOf(result: Result, format: Format | undefined, path: Path): CoapResponse {
  switch (result.status) {
    case 'content':
      return format === undefined ? NOT_ACCEPTABLE : content(result.entries, format, path);
    case 'links':
      return { code: RESPONSE_CODES.links, contentFormat: LINK_FORMAT, payload: Buffer.from(result.links) };
    case 'changed':
      return { code: RESPONSE_CODES.changed };
    default:
      return refusal(result);
  }
}

/** `depth` of Discover, 0 to 3 (OMA Core 1.2.2 6.3.2); older releases do not know it. */
function depthOf({ query }: CoapRequest, service: Service): number | undefined {
  const depth = query.find((item) => /^depth=[0-3]$/.test(item));
  return depth === undefined || service.release !== '1.2' ? undefined : Number(depth.slice('depth='.length));
}

/** What a write carries, or why it cannot be read. */
function decoded(request: CoapRequest, path: Path, service: Service): readonly Entry[] | CoapResponse {
  const format = request.contentFormat === undefined ? undefined : formatFor(request.contentFormat);
  if (format === undefined || format.shape === 'composite-request') return UNSUPPORTED_FORMAT;
  if (format.shape === 'single' && path.ids.length < 3) return { code: '4.00' };
  try {
    return format.decode(request.payload, { base: path, resourceOf: (named) => service.resource(named) });
  } catch (error) {
    if (isGatewayError(error)) return { code: '4.00', payload: Buffer.from(error.message) };
    throw error;
  }
}

function isResponse(value: readonly Entry[] | CoapResponse): value is CoapResponse {
  return 'code' in value;
}

type Simple = Exclude<Kind, 'read' | 'observe' | 'cancel-observe'>;

/** The operation of a request that is no read, or the answer when it makes none. */
function operationOf(
  kind: Simple,
  path: Path,
  request: CoapRequest,
  service: Service,
): Operation | CoapResponse {
  switch (kind) {
    case 'discover': {
      const depth = depthOf(request, service);
      return { kind, path, ...(depth === undefined ? {} : { depth }) };
    }
    case 'write-attributes':
      return { kind, path, query: request.query };
    case 'execute':
      return { kind, path, argument: Buffer.from(request.payload).toString() };
    case 'create':
    case 'delete':
      return { kind, path };
    case 'replace':
    case 'update': {
      const entries = decoded(request, path, service);
      return isResponse(entries) ? entries : { kind: 'write', path, mode: kind, entries };
    }
  }
}

/** Carries what an observation says into notifications, in the format of its first answer (RFC 7641 4.2). */
function createSink(
  format: Format,
  path: Path,
  log: Logger,
): Sink & { begin(handle: ServerObservation): void } {
  let handle: ServerObservation | undefined;
  /** Said before the first answer was on its way; only the newest counts. */
  let early: { readonly response: CoapResponse; readonly confirmable: boolean } | undefined;
  const say = (response: CoapResponse, confirmable: boolean): void => {
    if (handle === undefined) early = { response, confirmable };
    else handle.notify(response, { confirmable });
  };
  return {
    notify(entries, confirmable) {
      try {
        say(content(entries, format, path), confirmable);
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'a notification could not be written');
      }
    },
    // A last word must not get lost (OMA Core 1.2.2 6.4.2).
    end: (refusing) => say(refusal(refusing), true),
    begin(opened) {
      handle = opened;
      if (early !== undefined) handle.notify(early.response, { confirmable: early.confirmable });
    },
  };
}

/** Serves the requests of one LwM2M server. */
export function createRequestHandler(
  service: Service,
  log: Logger,
): (request: CoapRequest) => Promise<CoapResponse> {
  const read = async (request: CoapRequest, path: Path): Promise<CoapResponse> => {
    const resource = service.resource(path);
    const format = negotiate(request.accept, path, resource, service.release);
    const result = format === undefined ? undefined : await service.perform({ kind: 'read', path });
    return result === undefined ? NOT_ACCEPTABLE : answerOf(result, format, path);
  };

  const observe = async (request: CoapRequest, path: Path): Promise<CoapResponse> => {
    const format = negotiate(request.accept, path, service.resource(path), service.release);
    if (format === undefined) return NOT_ACCEPTABLE;
    const sink = createSink(format, path, log);
    const result = await service.observe(path, request.query, sink);
    if (result.status !== 'content') return refusal(result);
    try {
      const response = content(result.entries, format, path);
      return {
        ...response,
        onObserve: (handle) => {
          handle.onEnd = () => result.stop();
          sink.begin(handle);
        },
      };
    } catch (error) {
      result.stop();
      throw error;
    }
  };

  const handle = async (request: CoapRequest): Promise<CoapResponse> => {
    const target = dispatch(request, (path) => service.resource(path));
    if ('refuse' in target) return { code: target.refuse };
    const { kind, path } = target;
    if (kind === 'observe') return observe(request, path);
    if (kind === 'read' || kind === 'cancel-observe') return read(request, path);
    const operation = operationOf(kind, path, request, service);
    return 'code' in operation ? operation : answerOf(await service.perform(operation), undefined, path);
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
