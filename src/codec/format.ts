import type { Entry, Path, ResourceDefinition } from '../model/index.ts';

export interface EncodeRequest {
  /** The path that was asked: it decides the nesting in TLV and what an empty result looks like. */
  readonly base: Path;
  /** What is empty, as in {@link Content}. Formats with no word for it leave it out. */
  readonly empties?: readonly Path[];
}

export interface DecodeContext {
  /** The path of the request. Names must lie at or below it; the root allows every device. */
  readonly base: Path;
  /**
   * The resource that the ids name, if it is known. Values of unknown resources are read by what the format says;
   * TLV says nothing about them, so there they are left out (OMA Core 1.2 6.3.3).
   */
  resourceOf(path: Path): Pick<ResourceDefinition, 'type'> | undefined;
  /**
   * Wall time in ms, given when reading what a client reports (responses, notifications, Send): then times count.
   * Without it the payload is a write: its times are ignored (OMA Core 1.2 7.4, SenML JSON).
   */
  readonly now?: number;
}

/** All that a payload says. */
export interface Content {
  readonly entries: readonly Entry[];
  /** What lies below the base and no entry shows: instances (2 ids) and multiple resources (3 ids) that hold nothing. */
  readonly empties: readonly Path[];
}

/** What a Write-Composite asks for: values to set, and resource instances to remove. */
export interface Patch {
  readonly entries: readonly Entry[];
  readonly removals: readonly Path[];
}

/** A content format (OMA Core 1.2 7.4). */
export interface Format {
  readonly contentFormat: number;
  readonly mediaType: string;
  /**
   * What it can carry: one value without a name; a subtree, i.e. anything below one object; anything, also of
   * several devices; or only the request bodies of composite operations.
   */
  readonly shape: 'single' | 'subtree' | 'any' | 'composite-request';
  /** True if `at` of an entry is carried; else it is left out. */
  readonly carriesTime: boolean;
  /** @throws GatewayError `codec.not-representable` if the format cannot say it */
  encode(entries: readonly Entry[], request: EncodeRequest): Uint8Array;
  /** @throws GatewayError with a code of this room (`fault.ts`); never anything else, whatever the bytes */
  decode(bytes: Uint8Array, context: DecodeContext): Entry[];
  /** As decode, with what is empty; absent when the format cannot say that. */
  readonly decodeContent?: (bytes: Uint8Array, context: DecodeContext) => Content;
  /** The body of Read-Composite and Observe-Composite; absent when the format has none. */
  readonly decodePaths?: (bytes: Uint8Array) => Path[];
  readonly encodePaths?: (paths: readonly Path[]) => Uint8Array;
  /** The body of Write-Composite, where null removes a resource instance; absent when the format has none. */
  readonly decodePatch?: (bytes: Uint8Array, context: DecodeContext) => Patch;
}
