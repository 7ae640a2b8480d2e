import type { Method, ResponseCode } from '../coap/index.ts';
import { type Path, pathFromSegments, type ResourceDefinition, ROOT } from '../model/index.ts';

/** CoRE link format (RFC 6690): as Accept it makes a GET a Discover. */
export const LINK_FORMAT = 40;
const TEXT = 0;

/** What of a CoAP request decides which operation it is. */
export interface RequestShape {
  readonly method: Method;
  readonly path: readonly string[];
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
  readonly observe?: 0 | 1 | undefined;
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
  | 'delete';

/** The operation that a request asks for, or the code that refuses it. */
export type Dispatch =
  | { readonly kind: Kind; readonly path: Path }
  | { readonly refuse: ResponseCode; readonly path: Path };

function getKind({ accept, observe }: RequestShape): Kind {
  if (accept === LINK_FORMAT) return 'discover';
  return observe === 0 ? 'observe' : observe === 1 ? 'cancel-observe' : 'read';
}

/** POST on a resource: Execute when the model says so, else Partial Update of a multiple one; undefined: 4.15. */
function postOnResource(
  resource: ResourceDefinition | undefined,
  contentFormat: number | undefined,
): Kind | undefined {
  if (resource?.multiple && contentFormat !== undefined && contentFormat !== TEXT) return 'update';
  if (contentFormat !== undefined && contentFormat !== TEXT && resource?.operations === 'E') return undefined;
  return 'execute';
}

/**
 * Method, depth of the path, options: together they name the operation (OMA Core 1.2.2 6.3, Transport 6.4).
 * Composite operations are not offered yet; refusing them with 4.05 is what the specification has for that.
 */
export function dispatch(
  request: RequestShape,
  resourceOf: (path: Path) => ResourceDefinition | undefined,
): Dispatch {
  const path = pathFromSegments(request.path);
  if (path === undefined) return { refuse: '4.05', path: ROOT };
  const depth = path.ids.length;
  const { contentFormat } = request;
  switch (request.method) {
    case 'GET':
      return { kind: getKind(request), path };
    case 'PUT':
      if (contentFormat === undefined) return { kind: 'write-attributes', path };
      return depth === 1 ? { refuse: '4.05', path } : { kind: 'replace', path };
    case 'POST': {
      if (depth === 1) return { kind: 'create', path };
      // Without data there is nothing to write: an Execute on something that is no resource.
      if (depth === 2)
        return contentFormat === undefined ? { refuse: '4.05', path } : { kind: 'update', path };
      if (depth !== 3) return { refuse: '4.05', path };
      const kind = postOnResource(resourceOf(path), contentFormat);
      return kind === undefined ? { refuse: '4.15', path } : { kind, path };
    }
    case 'DELETE':
      return depth === 2 ? { kind: 'delete', path } : { refuse: '4.05', path };
    default:
      return { refuse: '4.05', path };
  }
}
