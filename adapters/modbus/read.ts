import type { Clock, FieldCause, FieldValue, PointId, Priority, Sample } from 'lwm2m-gateway/adapter';
import { TABLES } from './address.ts';
import type { ExceptionRule } from './exceptions.ts';
import { type Answer, causeOf, type Refusal } from './exchange.ts';
import type { CompiledDevice, Field } from './field.ts';
import type { Latency } from './latency.ts';
import type { Cut, Learned } from './learned.ts';
import { isMarked } from './marker.ts';
import type { Request } from './pdu.ts';
import { type Atom, type Block, blockOf, dataMs, planReads } from './planner.ts';
import { scaled } from './scale.ts';

/** The place of what is read for the sake of others. */
const UNASKED = -1;

/** A field and its place among the samples asked for. */
interface Wanted extends Field {
  readonly slot: number;
}

interface ReadPlan {
  readonly version: number;
  readonly blocks: readonly Block<Wanted>[];
  /** the block that the next read begins with */
  first: number;
  /** points that are not asked for at all */
  readonly refusals: readonly { readonly slot: number; readonly cause: FieldCause }[];
}

/** Sends a read request of the device and brings its answer. */
export type AskRead = (request: Request, urgency: Priority, deadlineAt: number) => Promise<Answer>;

export interface ReaderParts {
  readonly device: CompiledDevice;
  readonly latency: Latency;
  readonly learned: Learned;
  readonly clock: Clock;
  readonly ask: AskRead;
  /** Hears that the device is not what it was taken for: other things stand where its markers were, or nothing. */
  onMisplaced(): void;
}

/** One read while it lasts. */
interface Reading {
  readonly samples: Sample[];
  readonly urgency: Priority;
  readonly deadlineAt: number;
  /** where a request was refused and its parts were not */
  readonly cuts: Cut[];
  isRefused: boolean;
  hasRead: boolean;
  /** Requests may be divided before anything was read. */
  readonly mayDivide: boolean;
  /** set once it makes no sense to ask on */
  stop: Refusal | undefined;
}

/** `refused`: the device said no to some of it, to the last point of that. */
type BlockResult = 'read' | 'refused' | 'stopped';

/** So long a device that refused everything, to the last point, is asked no more than its plan has requests. */
const REFUSES_ALL_MS = 60_000;

/**
 * Reads points in as few requests as the plan allows. When the device refuses a request for several points, it is
 * asked for the halves, so that only what it really refuses goes without a value; the next plan knows.
 */
export function createReader({ device, latency, learned, clock, ask, onMisplaced }: ReaderParts) {
  const plans = new WeakMap<readonly PointId[], ReadPlan>();
  /** A device that refused everything is not asked point by point in every cycle. */
  let divideAgainAt = 0;

  const version = (): number => learned.version + latency.version;

  function planFor(points: readonly PointId[]): ReadPlan {
    learned.refresh();
    const known = plans.get(points);
    if (known !== undefined && known.version === version()) return known;
    const plan = makePlan(points);
    plans.set(points, plan);
    return plan;
  }

  function makePlan(points: readonly PointId[]): ReadPlan {
    const wanted: Wanted[] = [];
    const refusals: { slot: number; cause: FieldCause }[] = [];
    for (const [slot, point] of points.entries()) {
      const field = device.fields.get(point);
      if (field?.isReadable) wanted.push({ ...field, slot });
      else refusals.push({ slot, cause: field === undefined ? 'rejected' : 'forbidden' });
    }
    // A value is worth nothing without its scale, whether that was asked for or not.
    const factors = new Set(wanted.flatMap(({ factor }) => factor ?? []));
    for (const factor of factors) wanted.push({ ...factor, slot: UNASKED });
    const blocks = planReads(wanted, device.rules, learned.cuts, latency.medium);
    return { version: version(), blocks, first: 0, refusals };
  }

  async function readBlock(block: Block<Wanted>, reading: Reading): Promise<BlockResult> {
    const { table, address, count, atoms } = block;
    const request: Request = { function: TABLES[table].read, address, count };
    const answer = await ask(request, reading.urgency, reading.deadlineAt);
    if (answer.status === 'done') {
      takeValues(block, answer.data, reading);
      latency.note(answer.tookMs, dataMs(block, latency.medium));
      return 'read';
    }
    if (answer.status === 'failed' || answer.rule.cause !== 'rejected') {
      reading.stop = answer;
      fail(atoms, answer, reading);
      return 'stopped';
    }
    if (answer.rule.isDivisible && atoms.length > 1 && (reading.hasRead || reading.mayDivide)) {
      return readHalves(atoms, reading);
    }
    fail(atoms, answer, reading);
    noteRefused(atoms, answer.rule, reading);
    return 'refused';
  }

  async function readHalves(atoms: readonly Atom<Wanted>[], reading: Reading): Promise<BlockResult> {
    const middle = Math.ceil(atoms.length / 2);
    const right = atoms.slice(middle);
    const first = await readBlock(blockOf(atoms.slice(0, middle)), reading);
    if (reading.stop !== undefined) {
      fail(right, reading.stop, reading);
      return 'stopped';
    }
    const second = await readBlock(blockOf(right), reading);
    if (first !== 'read' || second !== 'read') return second === 'stopped' ? 'stopped' : 'refused';
    // Both are fine alone: it is what lies between them, or their length together.
    const { table, address } = blockOf(right);
    reading.cuts.push({ table, address });
    return 'read';
  }

  function noteRefused(atoms: readonly Atom<Wanted>[], rule: ExceptionRule, reading: Reading): void {
    reading.isRefused = true;
    onMisplaced();
    learned.noteRefused(
      atoms.flatMap((atom) => atom.spots.map(({ id }) => id)),
      rule.name,
    );
    if (!rule.isDivisible) return;
    for (const { table, address, end } of atoms) {
      reading.cuts.push({ table, address }, { table, address: end });
    }
  }

  function takeValues(block: Block<Wanted>, data: Buffer, reading: Reading): void {
    const at = clock.now();
    const step = TABLES[block.table].bits ? 1 : 2;
    reading.hasRead = true;
    for (const atom of block.atoms) {
      for (const field of atom.spots) {
        const { id, slot, factor } = field;
        if (slot === UNASKED) continue;
        const raw = valueAt(field, data, block.address, step);
        const value = factor === undefined ? raw : scaled(raw, valueAt(factor, data, block.address, step));
        learned.noteRead(id);
        reading.samples[slot] =
          value === undefined
            ? { point: id, cause: 'not-available', at }
            : { point: id, value, at, quality: 4 };
      }
    }
  }

  /** @param step bytes or bits for each address */
  function valueAt(field: Field, data: Buffer, first: number, step: number): FieldValue | undefined {
    const at = (field.address - first) * step;
    if (field.markers === undefined || isMarked(data, at, field.markers))
      return field.codec.decode(data, at + field.offset * step);
    onMisplaced();
    return undefined;
  }

  function fail(atoms: readonly Atom<Wanted>[], answer: Refusal, reading: Reading): void {
    const failure = failureOf(answer, clock.now());
    for (const atom of atoms) {
      for (const { id, slot } of atom.spots) {
        if (slot !== UNASKED) reading.samples[slot] = { point: id, ...failure };
      }
    }
  }

  /**
   * Reads block after block until one gets no answer. The next read begins there, or behind it if it was the first, so
   * that a block that never gets one does not keep the others from being read.
   */
  async function readBlocks(plan: ReadPlan, reading: Reading): Promise<void> {
    const { blocks, first } = plan;
    for (const [turn, block] of [...blocks.slice(first), ...blocks.slice(0, first)].entries()) {
      if (reading.stop !== undefined) fail(block.atoms, reading.stop, reading);
      else if ((await readBlock(block, reading)) === 'stopped') {
        plan.first = (first + Math.max(turn, 1)) % blocks.length;
      }
    }
  }

  return async function read(
    points: readonly PointId[],
    urgency: Priority,
    deadlineMs: number,
  ): Promise<readonly Sample[]> {
    const plan = planFor(points);
    const reading: Reading = {
      samples: new Array<Sample>(points.length),
      urgency,
      deadlineAt: clock.monotonic() + deadlineMs,
      cuts: [],
      isRefused: false,
      hasRead: false,
      mayDivide: clock.monotonic() >= divideAgainAt,
      stop: undefined,
    };
    for (const { slot, cause } of plan.refusals) {
      reading.samples[slot] = { point: points[slot] ?? '', cause, at: clock.now() };
    }
    await readBlocks(plan, reading);
    // A device that refuses everything is not ready; that teaches nothing about its addresses.
    if (reading.hasRead) learned.learn(reading.cuts);
    else if (reading.isRefused) divideAgainAt = clock.monotonic() + REFUSES_ALL_MS;
    return reading.samples;
  };
}

export type Failure = Omit<Extract<Sample, { cause: FieldCause }>, 'point'>;

/** What a refusal makes of every point that was asked for. */
export function failureOf(answer: Refusal, at: number): Failure {
  const cause = causeOf(answer);
  if (answer.status === 'failed' && answer.retryAfterMs !== undefined) {
    return { cause, at, retryAfterMs: answer.retryAfterMs };
  }
  return { cause, at };
}
