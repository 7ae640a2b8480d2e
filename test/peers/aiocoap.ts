import { fileURLToPath } from 'node:url';
import type { Method } from '../../src/coap/code.ts';
import { converse } from './dialogue.ts';
import { freeUdpPort } from './process.ts';
import { pythonWith } from './python.ts';

/** aiocoap as a CoAP client and server. */

export const aiocoapInstallLine =
  "python3 -m venv .cache/pymodbus && .cache/pymodbus/bin/pip install 'aiocoap>=0.4.14,<0.5'";

export interface AiocoapRequest {
  readonly uri: string;
  readonly method?: Method;
  readonly payload?: string;
  readonly format?: number;
  readonly noResponse?: number;
  readonly confirmable?: boolean;
  /** block size exponent of what it sends and asks for */
  readonly szx?: number;
  /** seconds to wait for an answer; 15 when nothing is said */
  readonly waitS?: number;
}

export interface AiocoapAnswer {
  /** `2.05`; null when none came */
  readonly code: string | null;
  readonly payload: string;
}

export interface Aiocoap {
  /** It serves /store (GET, FETCH of "from,to", PUT, PATCH and iPATCH that append; observable) and /slow there. */
  readonly port: number;
  request(request: AiocoapRequest): Promise<AiocoapAnswer>;
  /** One observation at a time. @returns the first answer */
  observe(request: AiocoapRequest): Promise<AiocoapAnswer>;
  /** Payloads of all notifications, as soon as there are so many. */
  notifications(count: number): Promise<readonly string[]>;
  /** Ends the observation there; a reset answers the next notification. */
  cancel(): Promise<void>;
  /** Methods of the requests that its server has served, and the bytes of their payloads; no observing ones. */
  served(): Promise<readonly (readonly [method: string, bytes: number])[]>;
  stop(): Promise<void>;
}

export function aiocoapAvailable(): boolean {
  return pythonWith('aiocoap') !== undefined;
}

const fromHex = (hex: unknown): string => Buffer.from(`${hex}`, 'hex').toString();

export async function startAiocoap(): Promise<Aiocoap> {
  const interpreter = pythonWith('aiocoap');
  if (interpreter === undefined) throw new Error(`aiocoap is missing: ${aiocoapInstallLine}`);
  const port = await freeUdpPort();
  const program = fileURLToPath(new URL('aiocoap_peer.py', import.meta.url));
  const { ask, stop } = converse(interpreter, ['-u', program, `${port}`]);
  const perform = async (task: object): Promise<Record<string, unknown>> => {
    const outcome = (await ask(task)) as Record<string, unknown>;
    if (outcome.error !== undefined) throw new Error(`aiocoap: ${outcome.error}`);
    return outcome;
  };
  const exchange = async (kind: 'request' | 'observe', request: AiocoapRequest): Promise<AiocoapAnswer> => {
    const payload = Buffer.from(request.payload ?? '').toString('hex');
    const answer = await perform({ ...request, do: kind, payload });
    return { code: answer.code as string | null, payload: fromHex(answer.payload) };
  };
  await perform({ do: 'seen' }); // it answers as soon as it serves
  return {
    port,
    request: (request) => exchange('request', request),
    observe: (request) => exchange('observe', request),
    notifications: async (count) =>
      ((await perform({ do: 'notifications', count })).heard as string[]).map(fromHex),
    async cancel() {
      await perform({ do: 'cancel' });
    },
    served: async () => (await perform({ do: 'seen' })).served as [string, number][],
    stop,
  };
}
