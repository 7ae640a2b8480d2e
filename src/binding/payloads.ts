import { isGatewayError } from '../base/index.ts';
import type { Operation, Service } from '../client/index.ts';
import type { CoapRequest, CoapResponse } from '../coap/index.ts';
import { type Content, type DecodeContext, decodeContent, type Format, formatFor } from '../codec/index.ts';
import type { Path } from '../model/index.ts';
import { type Dispatch, type Kind, TEXT } from './dispatch.ts';

export const UNSUPPORTED_FORMAT: CoapResponse = { code: '4.15' };

/**
 * `depth` of Discover, 0 to 3 (OMA Core 1.2.2 6.3.2); older releases do not know it.
 * @returns undefined when it is not given, NaN when it is no depth
 */
function depthOf({ query }: CoapRequest, { release }: Service): number | undefined {
  const depth = query.find((item) => item.startsWith('depth='))?.slice('depth='.length);
  if (depth === undefined || release !== '1.2') return undefined;
  return /^[0-3]$/.test(depth) ? Number(depth) : Number.NaN;
}

/** What {@link dispatch} makes of a request. */
export type Target = Extract<Dispatch, { kind: Kind }>;

/** What `read` makes of a payload, or why it cannot be read. */
function readPayload<T>(read: () => T): T | CoapResponse {
  try {
    return read();
  } catch (error) {
    if (isGatewayError(error)) return { code: '4.00', payload: Buffer.from(error.message) };
    throw error;
  }
}

function formatIn({ contentFormat }: Target): Format | undefined {
  return contentFormat === undefined ? undefined : formatFor(contentFormat);
}

/** What a write or Create carries. */
function contentIn({ payload }: CoapRequest, target: Target, context: DecodeContext): Content | CoapResponse {
  const format = formatIn(target);
  if (format === undefined || format.shape === 'composite-request') return UNSUPPORTED_FORMAT;
  if (format.shape === 'single' && target.path.ids.length < 3) return { code: '4.00' };
  return readPayload(() => decodeContent(format, payload, context));
}

/** What reads nothing. */
type Simple = Exclude<Kind, `${string}observe${string}` | `read${string}`>;

/** The operation of a request that is no read, or the answer when it makes none. */
export function operationOf(
  kind: Simple,
  target: Target,
  request: CoapRequest,
  service: Service,
): Operation | CoapResponse {
  const { path } = target;
  const context = { base: path, resourceOf: (named: Path) => service.resource(named) };
  switch (kind) {
    case 'discover': {
      const depth = depthOf(request, service);
      if (Number.isNaN(depth)) return { code: '4.00' };
      return { kind, path, ...(depth === undefined ? {} : { depth }) };
    }
    case 'write-attributes':
      return { kind, path, query: request.query };
    case 'execute':
      if (target.contentFormat !== undefined && target.contentFormat !== TEXT) return UNSUPPORTED_FORMAT;
      return { kind, path, argument: Buffer.from(request.payload).toString() };
    case 'delete':
      return { kind, path };
    case 'create': {
      // An object of which nothing has to be said.
      if (target.contentFormat === undefined) return { kind, path, entries: [], empties: [] };
      const content = contentIn(request, target, context);
      return 'code' in content ? content : { kind, path, ...content };
    }
    case 'replace':
    case 'update': {
      const content = contentIn(request, target, context);
      return 'code' in content ? content : { kind: 'write', path, mode: kind, entries: content.entries };
    }
    case 'write-composite': {
      const decode = formatIn(target)?.decodePatch;
      if (decode === undefined) return UNSUPPORTED_FORMAT;
      const patch = readPayload(() => decode(request.payload, context));
      return 'code' in patch ? patch : { kind, path, ...patch };
    }
  }
}

/** How the paths in the body of a composite read are written; undefined: its format has no such body. */
export function pathReader(target: Target): Format['decodePaths'] {
  return formatIn(target)?.decodePaths;
}

/** The paths that a composite read names; those without prefix in a request to a device are the device's. */
export function pathsIn(
  { payload }: CoapRequest,
  { path: { prefix } }: Target,
  decode: NonNullable<Format['decodePaths']>,
): readonly Path[] | CoapResponse {
  const paths = readPayload(() => decode(payload));
  if ('code' in paths || prefix === '') return paths;
  if (paths.some((path) => path.prefix !== '' && path.prefix !== prefix)) return { code: '4.00' };
  return paths.map(({ ids }) => ({ prefix, ids }));
}
