import type { Clock, FieldCause, FieldValue, WriteOperation, WriteResult } from 'lwm2m-gateway/adapter';
import { TABLES } from './address.ts';
import { ACKNOWLEDGE } from './exceptions.ts';
import { type Answer, causeOf, type Refusal, reasonOf } from './exchange.ts';
import type { CompiledDevice, Field, WriteRule } from './field.ts';
import type { ReadRequest, Request } from './pdu.ts';

/** Sends a request of the device, before all that only reads, and brings its answer. */
export type AskWrite = (request: Request, deadlineAt: number, leastMs: number) => Promise<Answer>;

export interface WriterParts {
  readonly device: CompiledDevice;
  readonly clock: Clock;
  readonly ask: AskWrite;
  /** registers of which a part is being written, by whomever: the rest of them must stay as it was */
  readonly changing: Set<number>;
  /** what the device may take to answer */
  readonly requestTimeoutMs: number;
  /** Some time later, or earlier when the connection is closed. */
  wait(delayMs: number): Promise<void>;
}

/** A write that is ready to be sent. */
interface Prepared {
  readonly field: Field;
  readonly rule: WriteRule;
  readonly value: FieldValue;
  readonly data: Buffer;
}

interface Time {
  readonly deadlineAt: number;
  /** With less left a write is not sent: its answer might come too late to be heard. */
  readonly leastMs: number;
}

type Outcome =
  | { readonly status: 'done' }
  | { readonly status: 'failed'; readonly cause: FieldCause; readonly message: string };

const DONE: Outcome = { status: 'done' };
const NOT_TRIED: Outcome = failed('forbidden', 'not written, since another value of the same write failed');

/**
 * Writes values in order, each in one request, and checks each as its point asks. Nothing is sent unless all of them
 * fit their points, and nothing more once one has failed.
 */
export function createWriter({ device, clock, changing, requestTimeoutMs, ask, wait }: WriterParts) {
  async function writeOne(prepared: Prepared, time: Time): Promise<Outcome> {
    const { field, rule } = prepared;
    if (rule.onlyChanges && (await isThere(prepared, time))) return DONE;
    if (field.mask !== undefined && rule.function !== 22) return changePart(prepared, field.mask, time);
    return send(prepared, writeRequest(prepared), time);
  }

  /** A device that does not show the value, for whatever reason, is written to. */
  async function isThere(prepared: Prepared, { deadlineAt }: Time): Promise<boolean> {
    const answer = await ask(readOf(prepared.field), deadlineAt, 0);
    return answer.status === 'done' && shows(prepared, answer.data, 0);
  }

  async function send(prepared: Prepared, request: Request, time: Time): Promise<Outcome> {
    const { rule } = prepared;
    const answer = await ask(request, time.deadlineAt, time.leastMs);
    const refusal = refusalOf(answer, rule);
    if (refusal !== undefined) return refused(refusal);
    if (rule.verify !== 'readback') return DONE;
    const isShown = rule.function === 23 && rule.settleMs === 0 && answer.status === 'done';
    return isShown ? compare(prepared, answer.data) : readBack(prepared, time);
  }

  /** For devices without masks: what the register holds, with this part changed. */
  async function changePart(prepared: Prepared, mask: number, time: Time): Promise<Outcome> {
    const { address } = prepared.field;
    if (changing.has(address)) return failed('busy', 'another part of the register is being written');
    changing.add(address);
    try {
      const before = await ask({ function: 3, address, count: 1 }, time.deadlineAt, 0);
      if (before.status !== 'done') return refused(before, 'it could not be read before');
      const value = (before.data.readUInt16BE(0) & ~mask) | prepared.data.readUInt16BE(0);
      const { rule } = prepared;
      const request: Request =
        rule.function === 6 ? { function: 6, address, value } : { function: 16, address, registers: [value] };
      return await send(prepared, request, time);
    } finally {
      changing.delete(address);
    }
  }

  async function readBack(prepared: Prepared, { deadlineAt }: Time): Promise<Outcome> {
    const { field, rule } = prepared;
    if (rule.settleMs > 0) await wait(Math.min(rule.settleMs, deadlineAt - clock.monotonic()));
    const answer = await ask(readOf(field), deadlineAt, 0);
    if (answer.status !== 'done') {
      return failed('not-verified', `written, but it could not be read back: ${reasonOf(answer)}`);
    }
    return compare(prepared, answer.data);
  }

  function shows({ field, value, data }: Prepared, shownData: Buffer, tolerance: number): boolean {
    return shownData.equals(data) || isWithin(field.codec.decode(shownData, 0), value, tolerance);
  }

  function compare(prepared: Prepared, shownData: Buffer): Outcome {
    const { field, rule, value } = prepared;
    if (shows(prepared, shownData, rule.tolerance)) return DONE;
    const shown = field.codec.decode(shownData, 0);
    return failed('not-verified', `wrote ${String(value)}, but the device shows ${String(shown)}`);
  }

  async function writeInOrder(all: readonly Prepared[], time: Time): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    let hasFailed = false;
    for (const one of all) {
      const outcome: Outcome = hasFailed ? NOT_TRIED : await writeOne(one, time);
      hasFailed ||= outcome.status === 'failed';
      outcomes.push(outcome);
    }
    return outcomes;
  }

  return async function write(
    operations: readonly WriteOperation[],
    deadlineMs: number,
  ): Promise<readonly WriteResult[]> {
    const time: Time = {
      deadlineAt: clock.monotonic() + deadlineMs,
      leastMs: leastTimeMs(deadlineMs, requestTimeoutMs),
    };
    const prepared = operations.map((operation) => prepare(operation, device));
    const outcomes = prepared.every(isPrepared)
      ? await writeInOrder(prepared, time)
      : prepared.map((one) => (isPrepared(one) ? NOT_TRIED : one));
    return operations.map(({ point }, index) => ({ point, ...(outcomes[index] ?? NOT_TRIED) }));
  };
}

/** With less time left than this a write is not sent. */
export function leastTimeMs(deadlineMs: number, requestTimeoutMs: number): number {
  return Math.min(requestTimeoutMs, deadlineMs / 2);
}

function isPrepared(one: Prepared | Outcome): one is Prepared {
  return 'rule' in one;
}

function prepare({ point, value }: WriteOperation, device: CompiledDevice): Prepared | Outcome {
  const field = device.fields.get(point);
  if (field === undefined) return failed('rejected', `the device has no point ${point}`);
  if (field.write === undefined) return failed('forbidden', `point ${point} can only be read`);
  const encoded = field.codec.encode(value);
  if ('fault' in encoded) return failed('forbidden', encoded.fault);
  return { field, rule: field.write, value, data: encoded.data };
}

function readOf({ table, address, span }: Field): ReadRequest {
  return { function: TABLES[table].read, address, count: span };
}

function writeRequest({ field: { address, mask = 0 }, rule, data }: Prepared): Request {
  switch (rule.function) {
    case 5:
      return { function: 5, address, state: data[0] === 1 };
    case 6:
      return { function: 6, address, value: data.readUInt16BE(0) };
    case 15:
      return { function: 15, address, states: [data[0] === 1] };
    case 16:
      return { function: 16, address, registers: wordsOf(data) };
    case 22:
      return { function: 22, address, and: ~mask & 0xffff, or: data.readUInt16BE(0) };
    case 23:
      return { function: 23, address, registers: wordsOf(data) };
  }
}

function wordsOf(data: Buffer): readonly number[] {
  return Array.from({ length: data.length / 2 }, (_, word) => data.readUInt16BE(2 * word));
}

/** Why the device did not take the value; undefined if it did, as far as it and the point say. */
function refusalOf(answer: Answer, rule: WriteRule): Refusal | undefined {
  if (answer.status === 'done') return undefined;
  if (answer.status === 'exception') {
    const willShow = answer.code === ACKNOWLEDGE && rule.verify === 'readback';
    return willShow ? undefined : answer;
  }
  // A point without verification may belong to a device that restarts instead of answering.
  const isSilence = answer.cause === 'timeout' || answer.cause === 'disconnected';
  return rule.verify === 'none' && answer.sent && isSilence ? undefined : answer;
}

function isWithin(shown: FieldValue | undefined, wanted: FieldValue, tolerance: number): boolean {
  if (typeof shown === 'boolean' || typeof shown === 'string') return shown === wanted;
  const isNumber = (value: unknown): value is number | bigint =>
    typeof value === 'number' || typeof value === 'bigint';
  return isNumber(shown) && isNumber(wanted) && distance(shown, wanted) <= tolerance;
}

/** Whole numbers are subtracted exactly: beyond 2^53 different ones would be the same double. */
function distance(a: number | bigint, b: number | bigint): number {
  const isWhole = [a, b].every((one) => typeof one === 'bigint' || Number.isInteger(one));
  return Math.abs(isWhole ? Number(BigInt(a) - BigInt(b)) : Number(a) - Number(b));
}

/** @param unwritten why nothing was written, where that is sure */
function refused(answer: Refusal, unwritten?: string): Outcome {
  if (unwritten !== undefined)
    return failed(causeOf(answer), `not written, ${unwritten}: ${reasonOf(answer)}`);
  const isUnknown = answer.status === 'failed' ? answer.sent : answer.rule.cause !== 'rejected';
  const doubt = isUnknown ? '; the device may or may not have done it' : '';
  return failed(causeOf(answer), `not confirmed: ${reasonOf(answer)}${doubt}`);
}

function failed(cause: FieldCause, message: string): Outcome {
  return { status: 'failed', cause, message };
}
