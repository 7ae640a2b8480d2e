import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Finished, freeUdpPort, isOnPath, type Running, run, start } from './process.ts';

/**
 * libcoap 4.3 as the server: `coap-rd` takes the registration, `coap-client` asks from the same port.
 *
 * The LwM2M client hears only its server's address and port. Both programs may be bound to that port at once, and the
 * kernel gives a datagram to the socket that is connected to its sender, so `coap-client -a 127.0.0.1 -p <rd port>`
 * gets the answers while `coap-rd` goes on running. But as long as it runs it also gets the client's own requests, and
 * answers them with 4.04: an observation of some seconds (`-s`) must not meet an Update.
 *
 * Command lines, each after `coap-client-notls -a 127.0.0.1 -p <rd port> -B <seconds>`, U for `coap://127.0.0.1:<port
 * of the client>`:
 *
 *   Read              U/3/0/0            -A 110 U/3/0            (Accept: number or media type)
 *   Discover          -A 40 U/3
 *   Write             -m put -t 0 -e 300 U/1/0/1                 (text; -f file or -f - for bytes)
 *   Write-Attributes  -m put 'U/3/0/9?pmin=1&pmax=5'
 *   Execute           -m post U/3/0/4    -m post -t 0 -e "0='x'" U/3/0/4
 *   Delete            -m delete U/3303/1
 *   Read-Composite    -m fetch -t 112 -A 112 -f - U/
 *   Observe           -s 5 -w U/3/0/9                            (a line each; cancels with Observe 1 at the end)
 *
 * The payload goes to standard output with a line end behind it, or as it is to the file after `-o`. The exit code is
 * always 0. An error goes to standard error as `4.04`, with the diagnostic text behind it if there is one; success
 * without payload prints nothing. `-v 6` prints each message to standard output, e.g. `v:1 t:ACK c:2.04 i:684d {01} [ ]`.
 * Requests carry Uri-Port unless `-U` is given.
 */

export const libcoapInstallLine = 'apt-get install libcoap3-bin';

export function libcoapAvailable(): boolean {
  return isOnPath('coap-client-notls') && isOnPath('coap-rd-notls');
}

export function libcoapServerAvailable(): boolean {
  return isOnPath('coap-server-notls');
}

/**
 * Starts `coap-server-notls`: /time (GET, FETCH, observable), /async?<seconds>, and /example_data (GET, PUT of what is
 * large, observable). It does not recognise duplicates of a request.
 */
export function coapServer(port: number, ...args: string[]): Promise<Running> {
  return start('coap-server-notls', ['-v', '7', '-A', '127.0.0.1', '-p', `${port}`, ...args], {
    ready: /created UDP/,
    deadlineMs: 10_000,
  });
}

/** Runs `coap-client-notls` as it is. */
export function coapClient(args: readonly string[], deadlineMs = 15_000): Promise<Finished> {
  return run('coap-client-notls', args, { deadlineMs });
}

export interface CoapRequest {
  readonly method?: 'get' | 'put' | 'post' | 'delete' | 'fetch' | 'patch' | 'ipatch';
  /** where the request comes from, e.g. the port of {@link startCoapRd} */
  readonly localPort?: number;
  /** content format that is wanted */
  readonly accept?: number;
  /** content format of the payload */
  readonly format?: number;
  readonly payload?: Uint8Array | string;
  /** 16 to 1024 bytes */
  readonly blockSize?: number;
  /** whole seconds to wait for the answer; 5 when nothing is said */
  readonly waitS?: number;
}

export interface CoapAnswer {
  /** `2.05`; undefined when none came */
  readonly code: string | undefined;
  readonly payload: Buffer;
}

/** One request, blockwise if need be, and its answer. */
export async function coapRequest(uri: string, request: CoapRequest = {}): Promise<CoapAnswer> {
  const { method = 'get', localPort, accept, format, payload, blockSize, waitS = 5 } = request;
  const folder = await mkdtemp(join(tmpdir(), 'coap-'));
  const file = join(folder, 'answer');
  const sent = join(folder, 'sent');
  try {
    // It reads no more from its standard input than comes at once.
    if (payload !== undefined) await writeFile(sent, payload);
    const args = ['-v', '6', '-B', `${waitS}`, '-o', file, '-m', method, '-a', '127.0.0.1'];
    if (localPort !== undefined) args.push('-p', `${localPort}`);
    if (accept !== undefined) args.push('-A', `${accept}`);
    if (format !== undefined) args.push('-t', `${format}`);
    if (payload !== undefined) args.push('-f', sent);
    if (blockSize !== undefined) args.push('-b', `${blockSize}`);
    const { stdout } = await run('coap-client-notls', [...args, uri], {
      deadlineMs: (waitS + 5) * 1000,
    });
    const codes = [...stdout.matchAll(/^v:1 t:(?:ACK|CON|NON) c:([245]\.\d\d) /gm)];
    return { code: codes.at(-1)?.[1], payload: await readFile(file).catch(() => Buffer.alloc(0)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What `coap-rd` was told with a Register. */
export interface CoapRdRegistration {
  /** local port of the client, as the server sees it */
  readonly port: number;
  /** `{ ep: 'meter', lt: '60', lwm2m: '1.2', b: 'U' }` */
  readonly query: Readonly<Record<string, string>>;
  /** the payload: link format */
  readonly links: string;
}

export interface CoapRd {
  readonly port: number;
  /** The first Register of this endpoint, waiting for it until the deadline. */
  registration(endpoint: string, deadlineMs: number): Promise<CoapRdRegistration>;
  /** the protocol of all messages */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts `coap-rd-notls`, which needs the UDP and the TCP port. It is a resource directory of an early draft, not a
 * LwM2M server: it answers any Register with 2.01 and Location-Path `rd/<text>` whatever `lwm2m` says, and an Update
 * with 4.05; a Deregister ends it by a fault of its own. So give it a long lifetime, and stop it first.
 */
export async function startCoapRd(port?: number): Promise<CoapRd> {
  const used = port ?? (await freeUdpPort());
  // without stdbuf its output would wait in a buffer
  const running = await start(
    'stdbuf',
    ['-oL', 'coap-rd-notls', '-A', '127.0.0.1', '-p', `${used}`, '-v', '7'],
    { ready: /created UDP +endpoint/, deadlineMs: 5_000 },
  );
  return {
    port: used,
    async registration(endpoint, deadlineMs) {
      const [, from, options, links] = await running.waitFor(registerOf(endpoint), deadlineMs);
      const queries = [...(options ?? '').matchAll(/Uri-Query:([^=,]+)=([^,]*?)(?=,| \])/g)];
      return {
        port: Number(from),
        query: Object.fromEntries(queries.map(([, name, value]) => [name, value])),
        links: links ?? '',
      };
    },
    output: running.output,
    stop: running.stop,
  };
}

/** The two lines that `coap-rd` prints of a Register: where it comes from, and the message. */
function registerOf(endpoint: string): RegExp {
  const name = endpoint.replace(/[^\w]/g, '\\$&');
  return new RegExp(
    `<-> 127\\.0\\.0\\.1:(\\d+) .*received \\d+ bytes\\nv:1 t:CON c:POST .*(\\[.*Uri-Query:ep=${name}[, ].*\\]) :: '(.*)'`,
  );
}
