import type { AdapterHost, Cancel, CapturedFrame, Replay, SimulatedMedium } from 'lwm2m-gateway/adapter';
import { ADDRESSES, TABLES, type Table } from './address.ts';
import { createEar } from './ear.ts';
import { EXCEPTION_FLAG, MOST_BITS, MOST_REGISTERS } from './pdu.ts';
import { serve } from './simulator.ts';
import { createRequestReader, type Wire, wireOf } from './wires.ts';
import { tableRead } from './words.ts';

/** What came after a request, so many ms after it or after what came before. */
interface Piece {
  readonly afterMs: number;
  /** unit, function, data; without, it was no frame */
  readonly body: Buffer | undefined;
  readonly bytes: Buffer;
}

/** A request as it was once made, and what came of it. */
interface Scene {
  readonly pieces: Piece[];
}

/** What a capture teaches of the devices in it. */
interface Memory {
  /** all times that a request was made, by its body */
  readonly scenes: ReadonlyMap<string, readonly Scene[]>;
  /** what was last seen at an address, by unit and table */
  valueAt(unit: number, table: Table, address: number): number | undefined;
  knows(unit: number): boolean;
}

/** No answer of a device takes longer. */
const MOST_MS = 10_000;
/** What a device takes for an answer that was not captured. */
const PROCESSING_MS = 5;
/** So long after a request noise counts as what became of the answer. */
const NOISE_WITHIN_MS = 1000;
const ILLEGAL_ADDRESS = 2;

const keyOf = (body: Buffer): string => body.toString('hex');

/** The body of a captured frame, by the framing of its medium. */
function bodyOf({ bytes, kind }: CapturedFrame, wire: Wire, now: number): Buffer | undefined {
  const side = kind === 'request' ? 'master' : 'slave';
  const ear = createEar(wire);
  const [frame] = [...ear.hear(Buffer.from(bytes), side, now), ...ear.silence()];
  return frame?.kind === kind ? frame.body : undefined;
}

function learn(capture: readonly CapturedFrame[], wire: Wire): Memory {
  const scenes = new Map<string, Scene[]>();
  const values = new Map<string, number>();
  const units = new Set<number>();
  const place = (unit: number, table: Table, address: number): string => `${unit} ${table} ${address}`;

  const see = (request: Buffer, answer: Buffer): void => {
    const [unit = 0, code = 0] = request;
    units.add(unit);
    const table = tableRead(code);
    if (answer[0] !== unit || answer[1] !== code || table === undefined || request.length < 6) return;
    const [from, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
    const bytes = TABLES[table].bits ? Math.ceil(count / 8) : 2 * count;
    if (answer.length !== 3 + bytes) return;
    for (let index = 0; index < count; index++) {
      const value = TABLES[table].bits
        ? (answer.readUInt8(3 + (index >> 3)) >> (index & 7)) & 1
        : answer.readUInt16BE(3 + 2 * index);
      values.set(place(unit, table, from + index), value);
    }
  };

  let request: Buffer | undefined;
  let scene: Scene | undefined;
  let at = 0;
  for (const frame of capture) {
    const body = frame.kind === 'noise' ? undefined : bodyOf(frame, wire, frame.at);
    if (frame.kind === 'request' && body !== undefined) {
      request = body;
      scene = { pieces: [] };
      const known = scenes.get(keyOf(body)) ?? [];
      known.push(scene);
      scenes.set(keyOf(body), known);
    } else if (scene !== undefined && request !== undefined) {
      const afterMs = Math.min(MOST_MS, Math.max(0, frame.at - at));
      at = frame.at;
      // What came much later by itself has nothing to do with the request.
      if (body === undefined && afterMs > NOISE_WITHIN_MS) continue;
      scene.pieces.push({ afterMs, body, bytes: Buffer.from(frame.bytes) });
      if (body !== undefined) see(request, body);
    }
    at = frame.at;
  }
  return {
    scenes,
    valueAt: (unit, table, address) => values.get(place(unit, table, address)),
    knows: (unit) => units.has(unit),
  };
}

/** The answer to a request that the capture does not have, from what it shows at other times. */
function derived(memory: Memory, request: Buffer): Buffer | undefined {
  const [unit = 0, code = 0] = request;
  if (!memory.knows(unit)) return undefined;
  // Return query data, which our own links ask.
  if (code === 8) return request;
  const refusal = Buffer.of(unit, code | EXCEPTION_FLAG, ILLEGAL_ADDRESS);
  const table = tableRead(code);
  if (table === undefined || request.length < 6) return refusal;
  const [from, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
  const { bits } = TABLES[table];
  if (from + count > ADDRESSES || count > (bits ? MOST_BITS : MOST_REGISTERS)) return refusal;
  const data = Buffer.alloc(bits ? Math.ceil(count / 8) : 2 * count);
  for (let index = 0; index < count; index++) {
    const value = memory.valueAt(unit, table, from + index);
    if (value === undefined) return refusal;
    if (!bits) data.writeUInt16BE(value, 2 * index);
    else if (value === 1) data[index >> 3] = (data[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return Buffer.concat([Buffer.of(unit, code, data.length), data]);
}

const wasAnswered = ({ pieces }: Scene): boolean => pieces.some(({ body }) => body !== undefined);

/**
 * Devices that answer as they did in a capture: the same request gets the same answers in the same order and after the
 * same time, and in the end again and again the last one. Another request to a unit that spoke is answered by what was
 * last seen at its addresses, or refused; other units are silent.
 */
export async function replay(
  type: string,
  capture: readonly CapturedFrame[],
  host: AdapterHost,
  { type: spoken = LOOPBACK[type] ?? type, settings = {} }: Partial<SimulatedMedium> = {},
): Promise<Replay> {
  const from = wireOf(type);
  const wire = wireOf(spoken);
  const memory = learn(capture, from);
  const turns = new Map<string, number>();
  const statistics = { requests: 0, captured: 0, derived: 0, silent: 0 };
  const isSameFraming = from.framing === wire.framing;

  const pending = new Set<Cancel>();
  const later = (ms: number, task: () => void): void => {
    const cancel = host.clock.after(ms, () => {
      pending.delete(cancel);
      task();
    });
    pending.add(cancel);
  };

  const sceneOf = (key: string): Scene | undefined => {
    const known = memory.scenes.get(key);
    if (known === undefined) return undefined;
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return known[turn] ?? known.findLast(wasAnswered);
  };

  const answerTo = (request: Buffer): readonly Piece[] => {
    statistics.requests++;
    const scene = sceneOf(keyOf(request));
    if (scene !== undefined) {
      statistics.captured++;
      return scene.pieces;
    }
    const body = derived(memory, request);
    if (body === undefined) statistics.silent++;
    else statistics.derived++;
    return body === undefined ? [] : [{ afterMs: PROCESSING_MS, body, bytes: body }];
  };

  const server = await serve(
    (write) => {
      /** when what was said before is said */
      let freeAt = 0;
      return createRequestReader(wire, (request, tag) => {
        for (const { afterMs, body, bytes } of answerTo(request)) {
          const now = host.clock.monotonic();
          freeAt = Math.max(freeAt, now) + afterMs;
          // Bytes that were no frame mean something only to who frames alike.
          const said = body !== undefined ? wire.frame(body, tag) : isSameFraming ? bytes : undefined;
          if (said !== undefined) later(freeAt - now, () => write(said));
        }
      });
    },
    { type: spoken, settings },
    host,
  );
  return {
    type: spoken,
    connection: server.connection,
    statistics: () => statistics,
    close() {
      for (const cancel of pending) cancel();
      return server.close();
    },
  };
}

/** Where a line is replayed when no port is given: the same frames on a socket. */
const LOOPBACK: Readonly<Record<string, string>> = {
  'modbus-rtu': 'modbus-rtu-tcp',
  'modbus-ascii': 'modbus-ascii-tcp',
};
