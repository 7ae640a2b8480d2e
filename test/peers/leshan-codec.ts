import type { Entry, Path } from '../../src/model/index.ts';
import { converse, type Dialogue } from './dialogue.ts';
import { javaAvailable, javaProgram } from './java.ts';
import { fromLeshanNode, leshanNode, leshanResources, type Subtree } from './leshan-nodes.ts';
import type { LeshanNode } from './leshan-shapes.ts';

export function leshanCodecAvailable(): boolean {
  return javaAvailable('leshan');
}

/** How many bytes Leshan writes, and how fast its writing and reading are once the JVM is warm. */
export interface LeshanSpeed {
  readonly size: number;
  readonly encodeNs: number;
  readonly decodeNs: number;
}

/** Leshan's codecs on a JVM of their own. All methods reject with Leshan's words when it refuses. */
export interface LeshanCodec {
  encode(format: number, subtree: Subtree): Promise<Uint8Array>;
  /** @param subtree what is expected: it gives the resources their types */
  decode(format: number, bytes: Uint8Array, subtree: Subtree): Promise<Required<Subtree>>;
  /** Values of one path at several times. */
  encodeHistory(format: number, base: Path, entries: readonly Entry[]): Promise<Uint8Array>;
  decodeHistory(format: number, bytes: Uint8Array, base: Path, entries: readonly Entry[]): Promise<Entry[]>;
  /** Values of several paths, as in composite operations. @param prefix of all of them */
  encodeValues(format: number, prefix: string, entries: readonly Entry[]): Promise<Uint8Array>;
  decodeValues(
    format: number,
    bytes: Uint8Array,
    prefix: string,
    entries: readonly Entry[],
  ): Promise<readonly Entry[]>;
  encodePaths(format: number, prefix: string, paths: readonly Path[]): Promise<Uint8Array>;
  decodePaths(format: number, bytes: Uint8Array, prefix: string): Promise<readonly string[]>;
  /** A list of links, read and written again. */
  links(text: string): Promise<string>;
  /** @param bytes what it reads: the same data, by whoever wrote it */
  measure(format: number, subtree: Subtree, bytes: Uint8Array, extent: MeasureExtent): Promise<LeshanSpeed>;
  measureHistory(
    format: number,
    subtree: Subtree,
    bytes: Uint8Array,
    extent: MeasureExtent,
  ): Promise<LeshanSpeed>;
  stop(): Promise<void>;
}

export interface MeasureExtent {
  readonly rounds: number;
  readonly roundMs: number;
}

interface Outcome {
  readonly error?: string;
  readonly bytes?: string;
  readonly data?: unknown;
  readonly links?: string;
}

/** Prefixes are to Leshan what the root path of a client is: they stand before every name. */
const rootOf = (prefix: string) => (prefix === '' ? {} : { root: `/${prefix}` });
const pathOf = ({ ids }: Path) => `/${ids.join('/')}`;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function historyOf(base: Path, entries: readonly Entry[]): unknown {
  return entries.map((entry) => ({ at: entry.at ?? null, content: leshanNode({ base, entries: [entry] }) }));
}

/** Starts the JVM, which takes about half a second. */
export function startLeshanCodec(): LeshanCodec {
  const { ask, stop }: Dialogue = converse('java', javaProgram('leshan', 'LeshanCodec', 256));
  const perform = async (task: object, deadlineMs?: number): Promise<Outcome> => {
    const outcome = (await ask(task, deadlineMs)) as Outcome;
    if (outcome.error !== undefined) throw new Error(`Leshan: ${outcome.error.slice(0, 300)}`);
    return outcome;
  };
  const written = async (task: object): Promise<Uint8Array> =>
    Buffer.from((await perform({ do: 'encode', ...task })).bytes ?? '', 'hex');
  const read = async (task: object): Promise<unknown> => (await perform({ do: 'decode', ...task })).data;
  const measured = async (task: object, extent: MeasureExtent): Promise<LeshanSpeed> =>
    (await perform({ do: 'measure', ...task, ...extent }, 60_000)) as unknown as LeshanSpeed;

  const ofNode = (format: number, { base, entries, empties }: Subtree) => ({
    kind: 'node',
    format,
    ...rootOf(base.prefix),
    path: pathOf(base),
    resources: leshanResources(entries, empties),
  });
  const ofHistory = (format: number, base: Path, entries: readonly Entry[]) => ({
    ...ofNode(format, { base, entries }),
    kind: 'history',
  });
  const ofValues = (format: number, prefix: string, entries: readonly Entry[]) => ({
    kind: 'nodes',
    format,
    ...rootOf(prefix),
    resources: leshanResources(entries),
  });

  return {
    encode: (format, subtree) => written({ ...ofNode(format, subtree), data: leshanNode(subtree) }),
    async decode(format, bytes, subtree) {
      const node = await read({ ...ofNode(format, subtree), bytes: hex(bytes) });
      return fromLeshanNode(node as LeshanNode, subtree.base);
    },
    encodeHistory: (format, base, entries) =>
      written({ ...ofHistory(format, base, entries), data: historyOf(base, entries) }),
    async decodeHistory(format, bytes, base, entries) {
      const history = await read({ ...ofHistory(format, base, entries), bytes: hex(bytes) });
      return (history as { at: number | null; content: LeshanNode }[]).flatMap(({ at, content }) =>
        fromLeshanNode(content, base).entries.map((entry) => (at === null ? entry : { ...entry, at })),
      );
    },
    encodeValues(format, prefix, entries) {
      const nodes = entries.map((entry) => [
        pathOf(entry.path),
        leshanNode({ base: entry.path, entries: [entry] }),
      ]);
      return written({ ...ofValues(format, prefix, entries), data: Object.fromEntries(nodes) });
    },
    async decodeValues(format, bytes, prefix, entries) {
      const paths = entries.map(({ path }) => pathOf(path));
      const nodes = await read({ ...ofValues(format, prefix, entries), data: paths, bytes: hex(bytes) });
      return entries.flatMap(({ path }) => {
        const node = (nodes as Record<string, LeshanNode | null>)[pathOf(path)];
        return node == null ? [] : fromLeshanNode(node, path).entries;
      });
    },
    encodePaths: (format, prefix, paths) =>
      written({ kind: 'paths', format, ...rootOf(prefix), data: paths.map(pathOf) }),
    decodePaths: async (format, bytes, prefix) =>
      (await read({ kind: 'paths', format, ...rootOf(prefix), bytes: hex(bytes) })) as string[],
    links: async (text) => (await perform({ do: 'links', links: text })).links ?? '',
    measure: (format, subtree, bytes, extent) =>
      measured({ ...ofNode(format, subtree), data: leshanNode(subtree), bytes: hex(bytes) }, extent),
    measureHistory: (format, { base, entries }, bytes, extent) =>
      measured(
        { ...ofHistory(format, base, entries), data: historyOf(base, entries), bytes: hex(bytes) },
        extent,
      ),
    stop,
  };
}
