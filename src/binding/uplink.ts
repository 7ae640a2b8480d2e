import { isGatewayError } from '../base/index.ts';
import type { Answer, Registration, Service, Uplink } from '../client/index.ts';
import type { CoapAnswer, CoapRequestToSend } from '../coap/index.ts';
import { formatFor } from '../codec/index.ts';
import {
  type Entry,
  formatPath,
  type Release,
  ROOT,
  type TransportLetter,
  transportOf,
} from '../model/index.ts';
import { openAssociation, type ServerAddress } from './association.ts';
import { createBodyOpener } from './bodies.ts';
import { LINK_FORMAT } from './dispatch.ts';
import type { BindingPorts } from './ports.ts';
import { createRequestHandler } from './requests.ts';

/** Queue mode is a letter of `b` in 1.0, and a parameter of its own since (OMA Core 1.2 6.2.1). */
function registerQuery(
  { endpoint, lifetimeS, release, queueMode }: Registration,
  binding: TransportLetter,
): string[] {
  const query = [`ep=${endpoint}`, `lt=${lifetimeS}`, `lwm2m=${release satisfies Release}`];
  if (!queueMode) return [...query, `b=${binding}`];
  return release === '1.0' ? [...query, `b=${binding}Q`] : [...query, `b=${binding}`, 'Q'];
}

const okWhenSuccessful = (answer: CoapAnswer): Answer | undefined =>
  answer.code.startsWith('2.') ? { status: 'ok' } : undefined;

const SENML_CBOR = 112;
const LWM2M_CBOR = 11544;

/** A path has one value in LwM2M CBOR, which has no times: history needs SenML (OMA Core 1.2.2 7.4). */
function isHistory(entries: readonly Entry[]): boolean {
  return new Set(entries.map(({ path }) => formatPath(path))).size < entries.length;
}

/** Send (OMA Core 1.2.2 6.4.6), or why it cannot be written. */
function sendRequest(
  path: readonly string[],
  entries: readonly Entry[],
  contentFormat: number,
  release: Release,
): CoapRequestToSend | Answer {
  const isUnfit = contentFormat === LWM2M_CBOR && (release !== '1.2' || isHistory(entries));
  const format = formatFor(isUnfit ? SENML_CBOR : contentFormat);
  if (format?.shape !== 'any') return { status: 'refused', code: '4.15' };
  try {
    const payload = format.encode(entries, { base: ROOT });
    return { method: 'POST', path, contentFormat: format.contentFormat, payload };
  } catch (error) {
    if (isGatewayError(error, 'codec.not-representable')) return { status: 'refused', code: '4.06' };
    throw error;
  }
}

/** LwM2M over CoAP towards one server. */
export async function openCoapUplink(
  address: ServerAddress,
  service: Service,
  ports: BindingPorts,
): Promise<Uplink> {
  const handler = createRequestHandler(service, ports.log);
  const association = await openAssociation(
    address,
    { handler, openBody: createBodyOpener(service) },
    ports,
    service,
  );
  /** of the association that the registration was made over */
  let registeredIn = 0;
  return {
    register: (registration) =>
      association.ask<Answer>(
        {
          method: 'POST',
          path: [...(address.path ?? []), 'rd'],
          query: registerQuery(registration, transportOf(address.scheme ?? 'coap')),
          contentFormat: LINK_FORMAT,
          payload: Buffer.from(registration.objects),
        },
        ({ code, location }) => {
          // Without a location there is nothing to update or to de-register.
          if (code !== '2.01' || location.length === 0) return undefined;
          registeredIn = association.generation;
          return { status: 'registered', location };
        },
      ),
    update: (location, { lifetimeS, objects }) =>
      association.ask(
        {
          method: 'POST',
          path: location,
          query: lifetimeS === undefined ? [] : [`lt=${lifetimeS}`],
          ...(objects === undefined ? {} : { contentFormat: LINK_FORMAT, payload: Buffer.from(objects) }),
        },
        okWhenSuccessful,
        registeredIn,
      ),
    async send(entries, contentFormat) {
      const request = sendRequest([...(address.path ?? []), 'dp'], entries, contentFormat, service.release);
      return 'status' in request ? request : association.ask<Answer>(request, okWhenSuccessful);
    },
    deregister: (location) => association.ask({ method: 'DELETE', path: location }, okWhenSuccessful),
    dropObservations: association.dropObservations,
    close: association.close,
  };
}
