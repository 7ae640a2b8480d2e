import { type Format, formatFor } from '../codec/index.ts';
import type { Path, Release, ResourceDefinition } from '../model/index.ts';

const TEXT = 0;
const OPAQUE = 42;
const TLV = 11542;
const SENML_CBOR = 112;

/** True if the answer to a read of this path is one value. */
function isSingle(path: Path, resource: ResourceDefinition | undefined): boolean {
  return path.ids.length === 4 || (path.ids.length === 3 && resource?.multiple === false);
}

/** The format of an answer when the server does not say (OMA Core 1.2.2 7.4): what every server of its release reads. */
function preferred(path: Path, resource: ResourceDefinition | undefined, release: Release): number {
  if (isSingle(path, resource)) return resource?.type === 'opaque' ? OPAQUE : TEXT;
  return release === '1.0' ? TLV : SENML_CBOR;
}

/**
 * The format that a server asked for by Accept. Earlier numbers are no answer (OMA Core 1.2.2 7.4); the JSON of 1.0 is
 * one in every release, as servers of 1.1 ask for it (ETS int-204).
 */
function accepted(accept: number): Format | undefined {
  const format = formatFor(accept);
  return format?.contentFormat === accept && format.shape !== 'composite-request' ? format : undefined;
}

/**
 * The format to answer in, or undefined when the one asked for cannot say it (4.06). Decided before anything is
 * read (OMA Core 1.2.2 7.4).
 */
export function negotiate(
  accept: number | undefined,
  path: Path,
  resource: ResourceDefinition | undefined,
  release: Release,
): Format | undefined {
  const format = accepted(accept ?? preferred(path, resource, release));
  if (format === undefined) return undefined;
  if (format.shape === 'single' && !isSingle(path, resource)) return undefined;
  return format.contentFormat === OPAQUE && resource?.type !== 'opaque' ? undefined : format;
}

/** What answers the bodies that are only for requests (RFC 8790). */
const ANSWERS: ReadonlyMap<number, number> = new Map([
  [320, 110],
  [322, 112],
]);

/**
 * The format to answer a composite read in: the one asked for, else that of the request. Only formats that can name
 * anything will do (OMA Core 1.2.2 6.3.8).
 */
export function negotiateComposite(accept: number | undefined, contentFormat: number): Format | undefined {
  const format = formatFor(accept ?? ANSWERS.get(contentFormat) ?? contentFormat);
  return format?.shape === 'any' ? format : undefined;
}
