import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { messageOf } from '../base/index.ts';
import { type Fetch, type Fetched, lost, type Take } from './fetch.ts';

export interface HttpOptions {
  /** Without a byte for this long the connection is lost. */
  readonly silenceMs?: number;
  /** How often to go on where the connection was lost. */
  readonly resumptions?: number;
  /** Certificates to trust in place of those of the system, in PEM. */
  readonly ca?: string;
}

const SILENCE_MS = 30_000;
const RESUMPTIONS = 5;
const REDIRECTS = 3;

/** What is known of the package when a connection is lost. */
interface Progress {
  received: number;
  /** By it the server knows whether it still has the same package. */
  tag: string | undefined;
}

function ask(
  uri: URL,
  { received, tag }: Progress,
  signal: AbortSignal,
  options: HttpOptions,
): Promise<IncomingMessage> {
  const headers: Record<string, string> = {};
  if (received > 0) headers.range = `bytes=${received}-`;
  if (received > 0 && tag !== undefined) headers['if-range'] = tag;
  const { silenceMs: timeout = SILENCE_MS, ca } = options;
  const get = uri.protocol === 'https:' ? getSecure : getPlain;
  return new Promise((resolve, reject) => {
    const sent = get(uri, { headers, signal, timeout, ...(ca === undefined ? {} : { ca }) }, resolve);
    sent.on('timeout', () => sent.destroy(new Error('the server fell silent')));
    sent.on('error', reject);
  });
}

/** Hands on what comes; undefined: the connection was lost on the way. */
async function passOn(answer: IncomingMessage, progress: Progress, take: Take): Promise<Fetched | undefined> {
  const before = progress.received;
  const length = answer.headers['content-length'];
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      progress.received += chunk.length;
      if (!(await take(chunk))) return { status: 'refused' };
    }
  } catch {
    return undefined;
  }
  return length === undefined || progress.received - before === Number(length)
    ? { status: 'whole' }
    : undefined;
}

/** Where a redirect leads; undefined: nowhere that we would go. */
function redirected({ headers: { location } }: IncomingMessage, from: URL): URL | undefined {
  const uri =
    location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  // What was to be secret stays secret.
  return uri?.protocol === from.protocol || uri?.protocol === 'https:' ? uri : undefined;
}

/** HTTP and HTTPS, with a few redirects; goes on where a connection was lost if the server still has the same package. */
export function httpFetch(options: HttpOptions = {}): Fetch {
  return async (text, take, signal) => {
    const progress: Progress = { received: 0, tag: undefined };
    let uri = new URL(text);
    let redirects = 0;
    let resumptions = 0;
    for (;;) {
      let problem = 'the connection was lost';
      try {
        const answer = await ask(uri, progress, signal, options);
        const { statusCode = 0 } = answer;
        if (statusCode === (progress.received === 0 ? 200 : 206)) {
          progress.tag ??= answer.headers.etag;
          const ended = await passOn(answer, progress, take);
          if (ended !== undefined) return ended;
        } else {
          answer.destroy();
          const next = statusCode >= 300 && statusCode < 400 ? redirected(answer, uri) : undefined;
          if (next !== undefined && progress.received === 0 && redirects++ < REDIRECTS) {
            uri = next;
            continue;
          }
          // In the middle of a package any other answer means that it cannot be gone on with.
          problem = `the server answered ${statusCode}`;
          if (progress.received > 0 || statusCode < 500)
            return lost(progress.received > 0 ? 'connection-lost' : 'invalid-uri', problem);
        }
      } catch (error) {
        problem = messageOf(error);
      }
      if (signal.aborted) return lost('connection-lost', 'cancelled');
      if (resumptions++ >= (options.resumptions ?? RESUMPTIONS)) return lost('connection-lost', problem);
    }
  };
}
