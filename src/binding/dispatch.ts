import type { Method, ResponseCode } from '../coap/index.ts';
import { type Path, pathFromSegments, type Release, type ResourceDefinition } from '../model/index.ts';

/** CoRE link format (RFC 6690): as Accept it makes a GET a Discover. */
export const LINK_FORMAT = 40;
export const TEXT = 0;

/** What of a CoAP request decides which operation it is. */
export interface RequestShape {
  readonly method: Method;
  readonly path: readonly string[];
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
  readonly observe?: 0 | 1 | undefined;
  readonly payload: Uint8Array;
}

export type Kind =
  | 'read'
  | 'observe'
  | 'cancel-observe'
  | 'discover'
  | 'replace'
  | 'update'
  | 'write-attributes'
  | 'execute'
  | 'create'
  | 'delete'
  | 'observe-composite'
  | 'cancel-observe-composite';

/** The operation that a request asks for, or the code that refuses it. */
export type Dispatch =
  | { readonly kind: Kind; readonly path: Path; readonly contentFormat: number | undefined }
  | { readonly refuse: ResponseCode };

const NOT_ALLOWED = { refuse: '4.05' } as const satisfies Dispatch;
const UNSUPPORTED_FORMAT = { refuse: '4.15' } as const satisfies Dispatch;

/** What stands at a path decides what POST means there. */
type ResourceOf = (path: Path) => ResourceDefinition | undefined;

function getKind({ accept, observe }: RequestShape): Kind {
  if (accept === LINK_FORMAT) return 'discover';
  return observe === 0 ? 'observe' : observe === 1 ? 'cancel-observe' : 'read';
}

/**
 * The format of the payload. Without one a payload is nothing (OMA Core 1.2.2 7.4; digest 3.3), but for the arguments of
 * Execute, and from a server of 1.0 for a single value: those are text.
 * @returns `unknown` when there is a payload and nobody says what it is
 */
function formatOf(
  { method, contentFormat, payload }: RequestShape,
  path: Path,
  release: Release,
  resourceOf: ResourceOf,
): number | undefined | 'unknown' {
  if (contentFormat !== undefined || payload.length === 0) return contentFormat;
  const isArgument = method === 'POST' && resourceOf(path)?.operations === 'E';
  return isArgument || (release === '1.0' && path.ids.length >= 3) ? TEXT : 'unknown';
}

/** POST on a resource: Execute when the model says so, else Partial Update of a multiple resource (1.2). */
function postOnResource(path: Path, format: number | undefined, resourceOf: ResourceOf): Kind | Dispatch {
  const resource = resourceOf(path);
  if (resource === undefined || resource.operations === 'E') {
    return format === undefined || format === TEXT ? 'execute' : UNSUPPORTED_FORMAT;
  }
  return resource.multiple && format !== undefined && format !== TEXT ? 'update' : NOT_ALLOWED;
}

function postKind(path: Path, format: number | undefined, resourceOf: ResourceOf): Kind | Dispatch {
  switch (path.ids.length) {
    case 1:
      return 'create';
    case 2:
      // Without data there is nothing to write: an Execute on something that is no resource.
      return format === undefined ? NOT_ALLOWED : 'update';
    case 3:
      return postOnResource(path, format, resourceOf);
    default:
      return NOT_ALLOWED;
  }
}

function kindOf(
  request: RequestShape,
  path: Path,
  format: number | undefined,
  resourceOf: ResourceOf,
): Kind | Dispatch {
  const depth = path.ids.length;
  switch (request.method) {
    case 'GET':
      return getKind(request);
    case 'PUT':
      if (format === undefined) return 'write-attributes';
      return depth === 1 ? NOT_ALLOWED : 'replace';
    case 'POST':
      return postKind(path, format, resourceOf);
    case 'DELETE':
      return depth === 2 ? 'delete' : NOT_ALLOWED;
    case 'FETCH':
      // Where the body names what it is about, the path names nothing, or the device (OMA Core 1.2.2 6.4.4).
      if (depth > 0 || request.observe === undefined) return NOT_ALLOWED;
      return request.observe === 0 ? 'observe-composite' : 'cancel-observe-composite';
    default:
      // Other composite operations are not offered yet; 4.05 is what the specification has for that.
      return NOT_ALLOWED;
  }
}

/**
 * Method, depth of the path, options: together they name the operation (OMA Core 1.2.2 6.3, Transport 6.4).
 * @param release that the server accepted
 */
export function dispatch(request: RequestShape, release: Release, resourceOf: ResourceOf): Dispatch {
  const path = pathFromSegments(request.path);
  if (path === undefined) return NOT_ALLOWED;
  const format = formatOf(request, path, release, resourceOf);
  if (format === 'unknown') return UNSUPPORTED_FORMAT;
  const kind = kindOf(request, path, format, resourceOf);
  return typeof kind === 'string' ? { kind, path, contentFormat: format } : kind;
}
