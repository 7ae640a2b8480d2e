import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { CapturedFrame } from '../adapter/index.ts';
import { GatewayError, messageOf } from '../base/index.ts';

/**
 * A capture is text. Its first line says what it is of and when it began:
 *
 *     # lwm2m-gateway capture 1 modbus-rtu 2026-11-21T08:30:00.000Z
 *     0.000 > 01 03 00 0a 00 01 a4 08
 *     0.031 < 01 03 02 00 6f f8 68
 *     4.200 ? ff 00
 *
 * Every other line is a frame: seconds since then; `>` a request, `<` an answer, `?` bytes that are no frame; the bytes
 * as they were on the medium. Empty lines and what begins with # are passed over, so that a person can leave notes.
 */
export interface Capture {
  /** the connection type */
  readonly type: string;
  readonly frames: readonly CapturedFrame[];
}

/** What a capture may have at most: half an hour of a line at 115200 Bd that is never silent. */
export const MOST_CAPTURE_MIB = 64;
export const MIB = 1024 * 1024;

const SIGNS = { request: '>', answer: '<', noise: '?' } as const satisfies Record<
  CapturedFrame['kind'],
  string
>;
const KINDS = new Map(
  Object.entries(SIGNS).map(([kind, sign]) => [sign as string, kind as CapturedFrame['kind']]),
);

const HEAD = /^# lwm2m-gateway capture 1 ([\w-]+)(?: .*)?$/;
const LINE = /^(\d+(?:\.\d+)?) ([<>?]) ((?:[0-9a-fA-F]{2} ?)+)$/;

export function captureHead(type: string, startedAt: Date): string {
  return `# lwm2m-gateway capture 1 ${type} ${startedAt.toISOString()}`;
}

export function captureLine({ at, kind, bytes }: CapturedFrame): string {
  const hex = Buffer.from(bytes).toString('hex').replace(/../g, '$& ').trimEnd();
  return `${(at / 1000).toFixed(3)} ${SIGNS[kind]} ${hex}`;
}

/** Where a line stops to make sense, from 1. */
function faultyColumn(line: string): number {
  const sound = /^\d+(?:\.\d+)?(?: (?:[<>?](?: (?:[0-9a-fA-F]{2} ?)*)?)?)?/.exec(line)?.[0] ?? '';
  return sound.length + 1;
}

/**
 * @param file names the text in faults
 * @throws GatewayError `cli.bad-capture` with line and column
 */
export function parseCapture(file: string, text: string): Capture {
  const bad = (line: number, column: number, message: string): GatewayError =>
    new GatewayError('cli.bad-capture', `${file}:${line}:${column}: ${message}`);
  const lines = text.split(/\r?\n/);
  const type = HEAD.exec(lines[0] ?? '')?.[1];
  if (type === undefined)
    throw bad(1, 1, "a capture begins with '# lwm2m-gateway capture 1' and a connection type");
  const frames: CapturedFrame[] = [];
  let before = 0;
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, seconds = '', sign = '', hex = ''] = LINE.exec(line) ?? [];
    const kind = KINDS.get(sign);
    if (kind === undefined)
      throw bad(index + 1, faultyColumn(line), 'a line is seconds, one of > < ?, and bytes in hex');
    const at = Math.round(Number(seconds) * 1e6) / 1000;
    if (at < before) throw bad(index + 1, 1, 'this was before the line above it');
    before = at;
    frames.push({ at, kind, bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex') });
  }
  return { type, frames };
}

/** @throws GatewayError `cli.unreadable`, `cli.bad-capture` */
export async function readCapture(file: string): Promise<Capture> {
  let text: string;
  try {
    if (statSync(file).size > MOST_CAPTURE_MIB * MIB)
      throw new RangeError(`it has over ${MOST_CAPTURE_MIB} MiB`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new GatewayError('cli.unreadable', `${file}: ${messageOf(error)}`, { cause: error });
  }
  return parseCapture(file, text);
}
