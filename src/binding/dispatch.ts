import type { Method, ResponseCode } from '../coap/index.ts';
import { formatFor } from '../codec/index.ts';
import {
  isAtLeast,
  MAX_ID,
  type Path,
  pathFromSegments,
  type Release,
  type ResourceDefinition,
} from '../model/index.ts';

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
  | 'read-composite'
  | 'observe-composite'
  | 'cancel-observe-composite'
  | 'write-composite';

/** The operation that a request asks for, or the code that refuses it. */
export type Dispatch =
  | { readonly kind: Kind; readonly path: Path; readonly contentFormat: number | undefined }
  | { readonly refuse: ResponseCode };

/** A payload that nobody says the format of: no format has this number, so that it is refused when its turn comes. */
const NO_FORMAT = -1;

/** What stands at a path decides what POST means there. */
type ResourceOf = (path: Path) => ResourceDefinition | undefined;

/**
 * The format of the payload. Without one a payload is nothing (OMA Core 1.2.2 7.4; digest 3.3), but for the arguments of
 * Execute, and from a server of 1.0 for a single value: those are text.
 */
function formatOf(
  { method, contentFormat, payload }: RequestShape,
  path: Path,
  release: Release,
  resourceOf: ResourceOf,
): number | undefined {
  if (contentFormat !== undefined || payload.length === 0) return contentFormat;
  const isArgument = method === 'POST' && resourceOf(path)?.operations === 'E';
  return isArgument || (release === '1.0' && path.ids.length >= 3) ? TEXT : NO_FORMAT;
}

function isSingleValue(contentFormat: number): boolean {
  return formatFor(contentFormat)?.shape === 'single';
}

/** POST on a resource: Execute when the model says so, else Partial Update of a multiple resource (1.2). */
function postOnResource(path: Path, format: number | undefined, resourceOf: ResourceOf): Kind | undefined {
  const resource = resourceOf(path);
  if (resource === undefined || resource.operations === 'E') return 'execute';
  return resource.multiple && format !== undefined && !isSingleValue(format) ? 'update' : undefined;
}

/** By the number of ids in the path. Without data there is nothing to write: an Execute on something that is no resource. */
function postKind(path: Path, format: number | undefined, resourceOf: ResourceOf): Kind | undefined {
  switch (path.ids.length) {
    case 1:
      return 'create';
    case 2:
      return format === undefined ? undefined : 'update';
    case 3:
      return postOnResource(path, format, resourceOf);
    default:
      // The specification wants PUT; servers POST as well.
      return format === undefined ? undefined : 'replace';
  }
}

function getKind({ accept, observe }: RequestShape): Kind {
  if (accept === LINK_FORMAT) return 'discover';
  return observe === 0 ? 'observe' : observe === 1 ? 'cancel-observe' : 'read';
}

function fetchKind({ observe }: RequestShape): Kind {
  return observe === 0 ? 'observe-composite' : observe === 1 ? 'cancel-observe-composite' : 'read-composite';
}

/** What a request that names no object can be: the payload names what it is about (OMA Core 1.2.2 6.3.8). */
function kindOfAll(request: RequestShape): Kind | undefined {
  if (request.method === 'FETCH') return fetchKind(request);
  return request.method === 'iPATCH' ? 'write-composite' : undefined;
}

function kindOf(
  request: RequestShape,
  path: Path,
  format: number | undefined,
  resourceOf: ResourceOf,
): Kind | undefined {
  const depth = path.ids.length;
  if (depth === 0) return kindOfAll(request);
  switch (request.method) {
    case 'GET':
      return getKind(request);
    case 'PUT':
      if (format === undefined) return 'write-attributes';
      return depth === 1 ? undefined : 'replace';
    case 'POST':
      return postKind(path, format, resourceOf);
    case 'DELETE':
      return depth === 2 || depth === 4 ? 'delete' : undefined;
    default:
      return undefined;
  }
}

/** The release that brought an operation. */
function sinceOf(kind: Kind, { ids }: Path): Release {
  switch (kind) {
    case 'read-composite':
    case 'observe-composite':
    case 'cancel-observe-composite':
    case 'write-composite':
      return '1.1';
    case 'delete':
      return ids.length === 4 ? '1.2' : '1.0';
    case 'update':
      return ids.length === 3 ? '1.2' : '1.0';
    default:
      return '1.0';
  }
}

/**
 * Method, depth of the path, options: together they name the operation (OMA Core 1.2.2 6.3, Transport 6.4). What none
 * of them means is 4.05.
 * @param release that the server accepted
 */
export function dispatch(request: RequestShape, release: Release, resourceOf: ResourceOf): Dispatch {
  const path = pathFromSegments(request.path);
  if (path === undefined || path.ids.includes(MAX_ID)) return { refuse: '4.05' };
  const contentFormat = formatOf(request, path, release, resourceOf);
  const kind = kindOf(request, path, contentFormat, resourceOf);
  if (kind === undefined || !isAtLeast(release, sinceOf(kind, path))) return { refuse: '4.05' };
  return { kind, path, contentFormat };
}
