/** model: the LwM2M vocabulary as immutable data. Knows no live value, no byte and no server. */
export type { AttributeChange, AttributeName, Attributes } from './attributes.ts';
export { ATTRIBUTES, changeAttributes, isAttributeName, parseAttributes } from './attributes.ts';
export { readDdf } from './ddf-read.ts';
export { objectUrn, writeDdf } from './ddf-write.ts';
export type { Rational } from './decimal.ts';
export {
  compareRational,
  formatRational,
  isMultipleFrom,
  parseRational,
  rationalOf,
  toDouble,
  toExact,
} from './decimal.ts';
export type { ObjectDefinition, Operations, ResourceDefinition } from './definition.ts';
export type { Entry } from './entry.ts';
export { formatFacts } from './facts.ts';
export type { Conversion, Linear } from './linear.ts';
export { applyLinear, chainLinear, compileLinear, IDENTITY, invertLinear } from './linear.ts';
export type { Link } from './link.ts';
export { formatLinks, parseLinks } from './link.ts';
export type { OwnObject, OwnObjects } from './own-objects.ts';
export { readOwnObjects } from './own-objects.ts';
export type { Ids, Path } from './path.ts';
export {
  formatPath,
  idsKey,
  isPrefix,
  isWithin,
  MAX_ID,
  parseId,
  parsePath,
  pathFromSegments,
  ROOT,
  samePath,
  sharedPath,
} from './path.ts';
export type { Fit } from './range.ts';
export { fitValue, rangeFault } from './range.ts';
export type { Registry } from './registry.ts';
export { createRegistry, omaRegistry } from './registry.ts';
export type { Scheme, ServerUri, TransportLetter } from './server-uri.ts';
export { isSecure, parseServerUri, transportOf } from './server-uri.ts';
export type { Dimension } from './unit-table.ts';
export type { ConversionSpec } from './units.ts';
export {
  compileConversion,
  convertible,
  dimensionOf,
  parseRate,
  unitConversion,
  unitName,
  unitsOf,
} from './units.ts';
export type { DataType, ObjectLink, Quality, Value } from './value.ts';
export { formatObjectLink, isObjectLink, parseObjectLink, sameValue, toType, wholeNumber } from './value.ts';
export type { Release } from './version.ts';
export { isAtLeast, needsVersion, olderRelease, RELEASES } from './version.ts';
