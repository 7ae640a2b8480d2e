/** codec: entries to bytes and back. Knows no CoAP, no live values, no clock. */
export type { Content, DecodeContext, EncodeRequest, Format, Patch } from './format.ts';
export { decodeContent, decodePatch, decodePaths, formatFor, supportedFormats } from './registry.ts';
