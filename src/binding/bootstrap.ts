import { isGatewayError, type Logger, messageOf } from '../base/index.ts';
import type {
  Answer,
  BootstrapService,
  BootstrapUplink,
  DraftResult,
  Inconsistent,
  PackAnswer,
} from '../client/index.ts';
import type { CoapAnswer, CoapRequest, CoapResponse, ResponseCode } from '../coap/index.ts';
import { formatFor } from '../codec/index.ts';
import { type Entry, type Path, pathFromSegments, type ResourceDefinition, ROOT } from '../model/index.ts';
import { openAssociation, type ServerAddress } from './association.ts';
import { LINK_FORMAT } from './dispatch.ts';
import { negotiate } from './formats.ts';
import type { BindingPorts } from './ports.ts';
import { RESPONSE_CODES } from './statuses.ts';

const SENML_CBOR = 112;

/** Outcomes as response codes (OMA Core 1.2.2 tables of 6.1.7). */
const CODES = {
  ...RESPONSE_CODES,
  inconsistent: '4.06',
} as const satisfies Record<DraftResult['status'] | Inconsistent['status'], ResponseCode>;

const NOT_ALLOWED: CoapResponse = { code: '4.05' };
const NOT_ACCEPTABLE: CoapResponse = { code: '4.06' };

function plain(result: DraftResult | Inconsistent): CoapResponse {
  const message = 'message' in result ? result.message : undefined;
  return { code: CODES[result.status], ...(message === undefined ? {} : { payload: Buffer.from(message) }) };
}

function resourceAt(service: BootstrapService, { ids }: Path): ResourceDefinition | undefined {
  return service.configurable.get(ids[0] ?? -1)?.resources.get(ids[2] ?? -1);
}

function read({ accept }: CoapRequest, path: Path, service: BootstrapService): CoapResponse {
  if (accept === LINK_FORMAT) {
    const result = service.discover(path);
    if (result.status !== 'links') return plain(result);
    return { code: CODES.links, contentFormat: LINK_FORMAT, payload: Buffer.from(result.links) };
  }
  const result = service.read(path);
  if (result.status !== 'content') return plain(result);
  const format = negotiate(accept, path, undefined, service.release);
  if (format === undefined) return NOT_ACCEPTABLE;
  const payload = format.encode(result.entries, { base: path });
  return { code: CODES.content, contentFormat: format.contentFormat, payload };
}

function write({ contentFormat, payload }: CoapRequest, path: Path, service: BootstrapService): CoapResponse {
  if (contentFormat === undefined) return payload.length === 0 ? NOT_ALLOWED : { code: '4.15' };
  const format = formatFor(contentFormat);
  if (format === undefined || format.shape === 'composite-request') return { code: '4.15' };
  let entries: readonly Entry[];
  try {
    entries = format.decode(payload, { base: path, resourceOf: (named) => resourceAt(service, named) });
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return { code: '4.00', payload: Buffer.from(error.message) };
  }
  return plain(service.write(path, entries));
}

/** Serves the commands of a Bootstrap-Server (OMA Core 1.2.2 6.1.7, Transport 6.4.1). */
export function createBootstrapHandler(
  service: BootstrapService,
  log: Logger,
): (request: CoapRequest) => Promise<CoapResponse> {
  const handle = (request: CoapRequest): CoapResponse => {
    const { method, path: segments } = request;
    if (method === 'POST') return segments.join('/') === 'bs' ? plain(service.finish()) : NOT_ALLOWED;
    const path = pathFromSegments(segments);
    if (path === undefined) return NOT_ALLOWED;
    switch (method) {
      case 'GET':
        return read(request, path, service);
      case 'PUT':
        return write(request, path, service);
      case 'DELETE':
        return plain(service.remove(path));
      default:
        return NOT_ALLOWED;
    }
  };
  return async (request) => {
    try {
      return handle(request);
    } catch (error) {
      if (isGatewayError(error, 'codec.not-representable')) return NOT_ACCEPTABLE;
      log.error({ problem: messageOf(error) }, 'a request of the Bootstrap-Server failed');
      return { code: '5.00' };
    }
  };
}

/** The way to a Bootstrap-Server, which also serves what it commands. */
export async function openBootstrapUplink(
  address: ServerAddress,
  service: BootstrapService,
  ports: BindingPorts,
): Promise<BootstrapUplink> {
  const { ask, close } = await openAssociation(
    address,
    { handler: createBootstrapHandler(service, ports.log) },
    ports,
  );
  const path = address.path ?? [];
  const packOf = ({ code, contentFormat, payload }: CoapAnswer): PackAnswer | undefined => {
    const format = contentFormat === undefined ? undefined : formatFor(contentFormat);
    if (code !== '2.05' || format === undefined) return undefined;
    try {
      const resourceOf = (named: Path): ResourceDefinition | undefined => resourceAt(service, named);
      return { status: 'pack', entries: format.decode(payload, { base: ROOT, resourceOf }) };
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      return { status: 'unreadable', message: error.message };
    }
  };
  return {
    requestPack: (endpoint) =>
      ask<PackAnswer>(
        { method: 'GET', path: [...path, 'bspack'], query: [`ep=${endpoint}`], accept: SENML_CBOR },
        packOf,
      ),
    request: (endpoint) => {
      // The format that we like best is told since 1.2.
      const query = [`ep=${endpoint}`, ...(service.release === '1.2' ? [`pct=${SENML_CBOR}`] : [])];
      return ask<Answer>({ method: 'POST', path: [...path, 'bs'], query }, ({ code }) =>
        code === '2.04' ? { status: 'ok' } : undefined,
      );
    },
    close,
  };
}
