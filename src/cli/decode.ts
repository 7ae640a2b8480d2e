import { isUtf8 } from 'node:buffer';
import { GatewayError, systemClock } from '../base/index.ts';
import { type DecodeContext, decodeContent, decodePatch, decodePaths, formatFor } from '../codec/index.ts';
import { formatPath, type Link, type Path, parseLinks, parsePath, type Registry } from '../model/index.ts';
import { findObject, readBounded, registryFrom } from './definitions.ts';
import { EXIT, type Output } from './output.ts';
import { type LookUp, linksText, NOTHING, resourceAt, type Said, saidText } from './payload-text.ts';

export interface DecodeOptions {
  /** number or name of the content format */
  readonly format: string;
  /** the path of the request */
  readonly path: string;
  /** of the object that the path names */
  readonly objectVersion?: string;
  /** a file with the payload as it is */
  readonly file?: string;
  /** folders and files with more definitions */
  readonly objects: readonly string[];
}

const LINK_FORMAT = 40;

/** Content-Formats by names that people use. */
const FORMAT_NAMES: Readonly<Record<string, number>> = {
  text: 0,
  link: LINK_FORMAT,
  opaque: 42,
  cbor: 60,
  'senml-json': 110,
  'senml-cbor': 112,
  'senml-etch-json': 320,
  'senml-etch-cbor': 322,
  tlv: 11542,
  json: 11543,
  'lwm2m-cbor': 11544,
};

/** How many ids the path of the request needs where a payload does not say what it is about. */
const NAMELESS: Readonly<Record<number, number>> = { 0: 3, 42: 3, 60: 3, 11542: 1 };

const MOST_BYTES = 1024 * 1024;

/**
 * `decode`: prints what a payload says.
 * @param hex the payload, or its text when that is JSON or links; empty: it is in a file, or comes as hex from `input`
 */
export async function decode(
  hex: string,
  options: DecodeOptions,
  out: Output,
  input: AsyncIterable<Uint8Array> = process.stdin,
): Promise<number> {
  const contentFormat = contentFormatOf(options.format);
  const base = parsePath(options.path);
  if (base.ids.length < (NAMELESS[contentFormat] ?? 0))
    throw new GatewayError(
      'cli.nameless',
      'such a payload does not say what it is about: give the path of the request, as in --path /3303/0/5700',
    );
  const lookUp = lookUpIn(await registryFrom(options.objects), base, options.objectVersion);
  const bytes = await payloadOf(hex, options.file, input);
  if (contentFormat === LINK_FORMAT) {
    out.print(linksText(readLinks(bytes), lookUp));
    return EXIT.ok;
  }
  const { said, skipped } = readPayload(contentFormat, bytes, base, lookUp);
  out.print(saidText(said, lookUp));
  if (skipped.length > 0)
    out.complain(`not in the registry, and this format does not tell types: ${skipped.join(', ')}`);
  return EXIT.ok;
}

function contentFormatOf(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : FORMAT_NAMES[text.toLowerCase()];
  if (number === LINK_FORMAT) return number;
  const format = number === undefined ? undefined : formatFor(number);
  if (format !== undefined) return format.contentFormat;
  const known = Object.entries(FORMAT_NAMES).map(([name, id]) => `${id} (${name})`);
  throw new GatewayError('cli.unknown-format', `there is no format ${text}; known: ${known.join(', ')}`);
}

async function payloadOf(
  hex: string,
  file: string | undefined,
  input: AsyncIterable<Uint8Array>,
): Promise<Buffer> {
  // JSON and links are taken as they are: nobody has them in hex.
  if (/^\s*[[{<]/.test(hex)) return Buffer.from(hex);
  if (hex !== '') return fromHex(hex);
  return file === undefined ? fromHex(await textFrom(input)) : readBounded(file, MOST_BYTES);
}

/** Bytes of two digits each, with blanks, colons or dashes between bytes, as tools print them. */
function fromHex(text: string): Buffer {
  const digits = text.replace(/0x|[\s:,-]/gi, '');
  if (/^(?:[0-9a-f]{2})*$/i.test(digits)) return Buffer.from(digits, 'hex');
  throw new GatewayError(
    'cli.bad-hex',
    'the payload is hexadecimal, two digits a byte; or give it by --file',
  );
}

async function textFrom(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > 3 * MOST_BYTES) throw new GatewayError('cli.unreadable', 'the input has no end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** @throws GatewayError `cli.unknown-object` when the version that was asked for is not known */
function lookUpIn(registry: Registry, base: Path, version: string | undefined): LookUp {
  if (version === undefined) return (object) => registry.find(object);
  const [asked] = base.ids;
  if (asked === undefined)
    throw new GatewayError(
      'cli.unknown-object',
      'a version needs an object in the path, as in --path /3303/0',
    );
  const definition = findObject(registry, asked, version);
  return (object) => (object === asked ? definition : registry.find(object));
}

function readLinks(bytes: Buffer): readonly Link[] {
  if (!isUtf8(bytes)) throw new GatewayError('model.bad-link', 'links are UTF-8 text');
  return parseLinks(bytes.toString());
}

interface Read {
  readonly said: Said;
  /** Resources that were left out, because nobody knows their type. */
  readonly skipped: readonly string[];
}

function readPayload(contentFormat: number, bytes: Uint8Array, base: Path, lookUp: LookUp): Read {
  const unknown = new Set<string>();
  const said = decodeBody(contentFormat, bytes, {
    base,
    now: systemClock.now(),
    resourceOf(path) {
      const resource = resourceAt(path, lookUp);
      if (resource === undefined) unknown.add(formatPath(path));
      return resource;
    },
  });
  for (const { path } of said.entries) unknown.delete(formatPath(path));
  return { said, skipped: [...unknown] };
}

function decodeBody(contentFormat: number, bytes: Uint8Array, context: DecodeContext): Said {
  const format = formatFor(contentFormat);
  if (format !== undefined && format.shape !== 'composite-request') {
    return { ...NOTHING, ...decodeContent(format, bytes, context) };
  }
  try {
    return { ...NOTHING, paths: decodePaths(contentFormat, bytes) };
  } catch {
    // No list of paths, so a list of values; when it is none either, that is what is wrong with it.
    return { ...NOTHING, ...decodePatch(contentFormat, bytes, context) };
  }
}
