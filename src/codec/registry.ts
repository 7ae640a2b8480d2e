import type { Path } from '../model/index.ts';
import { cbor } from './cbor.ts';
import { fault } from './fault.ts';
import type { Content, DecodeContext, Format, Patch } from './format.ts';
import { lwm2mCbor } from './lwm2m-cbor.ts';
import { lwm2mJson } from './lwm2m-json.ts';
import { opaque } from './opaque.ts';
import { senmlFormat } from './senml.ts';
import { senmlCbor } from './senml-cbor.ts';
import { senmlJson } from './senml-json.ts';
import { text } from './text.ts';
import { tlv } from './tlv.ts';

const FORMATS: readonly Format[] = [
  text,
  opaque,
  cbor,
  senmlFormat(110, 'application/senml+json', senmlJson, 'any'),
  senmlFormat(112, 'application/senml+cbor', senmlCbor, 'any'),
  senmlFormat(320, 'application/senml-etch+json', senmlJson, 'composite-request'),
  senmlFormat(322, 'application/senml-etch+cbor', senmlCbor, 'composite-request'),
  tlv,
  lwm2mJson,
  lwm2mCbor,
];

/** Numbers of the time before IANA gave any; servers of LwM2M 1.0 may still send them. */
const EARLIER: readonly (readonly [number, Format])[] = [
  [1541, text],
  [1542, tlv],
  [1543, lwm2mJson],
  [1544, opaque],
];

const BY_NUMBER: ReadonlyMap<number, Format> = new Map([
  ...FORMATS.map((format) => [format.contentFormat, format] as const),
  ...EARLIER,
]);

/** The Content-Format numbers that we write, ascending. */
export const supportedFormats: readonly number[] = FORMATS.map((format) => format.contentFormat);

/**
 * The format that a Content-Format option means; undefined when it is none of ours. Earlier numbers are read and never
 * written: the format then has another `contentFormat` than asked for.
 */
export function formatFor(contentFormat: number): Format | undefined {
  return BY_NUMBER.get(contentFormat);
}

/**
 * All that a payload says: needed where what is empty counts, as in Create, Replace and Bootstrap-Write.
 * @throws GatewayError `codec.*` as decode
 */
export function decodeContent(format: Format, bytes: Uint8Array, context: DecodeContext): Content {
  return format.decodeContent?.(bytes, context) ?? { entries: format.decode(bytes, context), empties: [] };
}

/**
 * The paths in the body of Read-Composite or Observe-Composite (OMA Core 1.2 6.3.8): of any depth and any device.
 * @throws GatewayError `codec.unsupported-format` if the format has no such body, else `codec.*` as decode
 */
export function decodePaths(contentFormat: number, bytes: Uint8Array): Path[] {
  const decode = formatFor(contentFormat)?.decodePaths;
  if (decode === undefined) throw unsupported(contentFormat);
  return decode(bytes);
}

/**
 * The body of Write-Composite (OMA Core 1.2 6.3.9).
 * @throws GatewayError `codec.unsupported-format` if the format has no such body, else `codec.*` as decode
 */
export function decodePatch(contentFormat: number, bytes: Uint8Array, context: DecodeContext): Patch {
  const decode = formatFor(contentFormat)?.decodePatch;
  if (decode === undefined) throw unsupported(contentFormat);
  return decode(bytes, context);
}

function unsupported(contentFormat: number): Error {
  return fault('unsupported-format', `content format ${contentFormat} has no such payload`);
}
