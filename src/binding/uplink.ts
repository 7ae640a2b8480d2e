import type { Answer, Registration, Service, Uplink } from '../client/index.ts';
import type { CoapAnswer } from '../coap/index.ts';
import type { Release } from '../model/index.ts';
import { type BindingPorts, openAssociation, type ServerAddress } from './association.ts';
import { LINK_FORMAT } from './dispatch.ts';
import { createRequestHandler } from './requests.ts';

/** `b` has carried queue mode in 1.0 only; U alone means the same in every release (OMA Core 1.2 6.2.1). */
function registerQuery({ endpoint, lifetimeS, release }: Registration): string[] {
  return [`ep=${endpoint}`, `lt=${lifetimeS}`, `lwm2m=${release satisfies Release}`, 'b=U'];
}

const okWhenSuccessful = (answer: CoapAnswer): Answer | undefined =>
  answer.code.startsWith('2.') ? { status: 'ok' } : undefined;

/** LwM2M over CoAP towards one server. */
export async function openCoapUplink(
  address: ServerAddress,
  service: Service,
  ports: BindingPorts,
): Promise<Uplink> {
  const association = await openAssociation(address, createRequestHandler(service, ports.log), ports);
  return {
    register: (registration) =>
      association.ask<Answer>(
        {
          method: 'POST',
          path: [...(address.path ?? []), 'rd'],
          query: registerQuery(registration),
          contentFormat: LINK_FORMAT,
          payload: Buffer.from(registration.objects),
        },
        ({ code, location }) =>
          // Without a location there is nothing to update or to de-register.
          code === '2.01' && location.length > 0 ? { status: 'registered', location } : undefined,
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
      ),
    deregister: (location) => association.ask({ method: 'DELETE', path: location }, okWhenSuccessful),
    dropObservations: association.dropObservations,
    close: association.close,
  };
}
