import { closeSync, openSync, writeSync } from 'node:fs';
import type { CapturedFrame } from '../adapter/index.ts';
import { GatewayError, messageOf } from '../base/index.ts';
import { captureHead, captureLine, MIB } from './capture.ts';
import { untilEnded } from './ending.ts';
import { type FieldOptions, fieldHost, planField } from './field.ts';
import { EXIT, keysText, type Output } from './output.ts';

export interface SniffCommand extends FieldOptions {
  /** Where to listen, for media that are no line. */
  readonly host?: string;
  readonly port?: number;
  /** The capture to write; it must not be there. */
  readonly write?: string;
  /** MiB that it may have. */
  readonly size: number;
  /** Ends by itself after so many. */
  readonly seconds?: number;
}

/** A file that takes lines until it has so many bytes. */
interface Record {
  /** @returns false when there is no room for the line */
  take(line: string): boolean;
  close(): void;
}

/** @throws GatewayError `cli.unwritable` */
function record(file: string, mostBytes: number): Record {
  let left = mostBytes;
  let handle: number;
  try {
    // Nobody wants to lose the capture of yesterday.
    handle = openSync(file, 'wx', 0o644);
  } catch (error) {
    throw new GatewayError('cli.unwritable', `${file}: ${messageOf(error)}`, { cause: error });
  }
  return {
    take(line) {
      const text = `${line}\n`;
      left -= text.length;
      if (left < 0) return false;
      writeSync(handle, text);
      return true;
    },
    close: () => closeSync(handle),
  };
}

interface Count {
  requests: number;
  answers: number;
  noise: number;
  noiseBytes: number;
}

/** How long after the request before it an answer came. */
function delayText({ kind, at }: CapturedFrame, before: CapturedFrame | undefined): string {
  return kind === 'answer' && before?.kind === 'request' ? `, after ${Math.round(at - before.at)} ms` : '';
}

/**
 * `sniff`: shows, and writes down, what others say on a medium, until Ctrl-C. On a line it never says a word; between
 * sockets it passes everything on.
 * @param until ends it, too
 */
export async function sniff(
  { write, size, host, port, seconds, ...options }: SniffCommand,
  out: Output,
  until?: AbortSignal,
): Promise<number> {
  const { adapter, connection } = await planField(options);
  if (adapter.tools?.sniff === undefined) {
    out.complain(`nobody can listen to the field protocol ${adapter.name}`);
    return EXIT.failed;
  }
  const file = write === undefined ? undefined : record(write, size * MIB);
  file?.take(captureHead(connection.type, new Date()));
  const count: Count = { requests: 0, answers: 0, noise: 0, noiseBytes: 0 };
  const enough = new AbortController();
  let before: CapturedFrame | undefined;
  const onHeard = (frame: CapturedFrame & { readonly text: string }): void => {
    if (enough.signal.aborted) return;
    if (frame.kind === 'noise') {
      count.noise++;
      count.noiseBytes += frame.bytes.length;
    } else if (frame.kind === 'request') count.requests++;
    else count.answers++;
    const line = captureLine(frame);
    out.print(`${line}  ${frame.text}${delayText(frame, before)}`);
    before = frame;
    if (file?.take(line) === false) {
      out.complain(`${write} is full: ${size} MiB`);
      enough.abort();
    }
  };
  try {
    const listen = { ...(host === undefined ? {} : { host }), ...(port === undefined ? {} : { port }) };
    const { type, settings } = connection;
    const sniffer = await adapter.tools.sniff(
      { type, settings },
      { listen, onHeard, onDown: (reason) => out.complain(reason) },
      fieldHost(),
    );
    out.print(`listens at ${keysText(sniffer.where)}; Ctrl-C ends it`);
    const timer = seconds === undefined ? undefined : setTimeout(() => enough.abort(), seconds * 1000);
    const ends = [enough.signal, ...(until === undefined ? [] : [until])];
    await untilEnded(AbortSignal.any(ends));
    clearTimeout(timer);
    await sniffer.close();
  } finally {
    file?.close();
  }
  out.print(
    `${count.requests} requests, ${count.answers} answers, ${count.noise} times bytes that are no frame (${count.noiseBytes})`,
  );
  return count.requests + count.answers > 0 ? EXIT.ok : EXIT.failed;
}
