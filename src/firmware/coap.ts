import { type Clock, GatewayError, isGatewayError, type Logger, messageOf } from '../base/index.ts';
import { createEndpoint, type TransmissionParameters } from '../coap/index.ts';
import { openUdpClient } from '../transport/index.ts';
import { type Fetch, lost } from './fetch.ts';

export interface CoapFetchPorts {
  readonly clock: Clock;
  readonly log: Logger;
  random(): number;
  readonly parameters?: Partial<TransmissionParameters>;
}

export interface CoapFetchOptions {
  /** of one package */
  readonly mostBytes: number;
}

const PORT = 5683;

/** The package is not there, or not for us: asking again does not help. */
const isFinal = (code: string): boolean => code.startsWith('4.');

/** CoAP over UDP in blocks (RFC 7959), from a socket of its own: the registration is not disturbed. */
export function coapFetch({ mostBytes }: CoapFetchOptions, ports: CoapFetchPorts): Fetch {
  return async (text, take, signal) => {
    const uri = new URL(text);
    const decoded = (parts: string[]): string[] =>
      parts.filter((part) => part !== '').map(decodeURIComponent);
    let isRefused = false;
    try {
      const { transport, peer } = await openUdpClient({
        host: uri.hostname.replace(/^\[|\]$/g, ''),
        port: uri.port === '' ? PORT : Number(uri.port),
        attempt: 0,
        clock: ports.clock,
        log: ports.log,
      });
      const endpoint = createEndpoint({
        transport,
        ...ports,
        handler: () => ({ code: '4.04' }),
      });
      const hangUp = (): void => void endpoint.close();
      signal.addEventListener('abort', hangUp, { once: true });
      try {
        const answer = await endpoint.download(
          peer,
          {
            method: 'GET',
            path: decoded(uri.pathname.split('/')),
            query: decoded(uri.search.slice(1).split('&')),
            mostBytes,
          },
          async (chunk) => {
            if (await take(chunk)) return;
            isRefused = true;
            throw new GatewayError('firmware.refused', 'no more is wanted');
          },
        );
        if (answer.code.startsWith('2.')) return { status: 'whole' };
        return lost(
          isFinal(answer.code) ? 'invalid-uri' : 'connection-lost',
          `the server answered ${answer.code}`,
        );
      } finally {
        signal.removeEventListener('abort', hangUp);
        await endpoint.close();
      }
    } catch (error) {
      if (isRefused) return { status: 'refused' };
      const isUnknown = isGatewayError(error, 'transport.unresolved') || error instanceof URIError;
      return lost(isUnknown ? 'invalid-uri' : 'connection-lost', messageOf(error));
    }
  };
}
