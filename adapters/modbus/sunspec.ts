import { ADDRESSES } from './address.ts';
import { exceptionRule } from './exceptions.ts';
import type { Outcome } from './link.ts';
import type { ReadRequest } from './pdu.ts';

/**
 * Devices that say by themselves where their models are (SunSpec Device Information Model 1.1 section 6): a marker at
 * one of a few addresses, then one model after the other, each with its number and its length before it.
 */

/** Where a device may say that it speaks SunSpec. */
export const SUNSPEC_BASES: readonly number[] = [40_000, 50_000, 0];

const MARKER = 'SunS';
const END_MODEL = 0xffff;
/** Number and length of a model, in registers. */
const HEADER = 2;
const MARKER_REGISTERS = 2;
/** Devices have ten or twenty; a chain that leads on for ever is none. */
const MOST_MODELS = 64;

/** One model of a chain. */
export interface Model {
  readonly id: number;
  /** of its header, on the wire */
  readonly address: number;
  /** registers behind the header */
  readonly length: number;
}

type Done = Extract<Outcome, { status: 'done' }>;

export type Chain<Refusal> =
  | { readonly status: 'found'; readonly base: number; readonly models: readonly Model[] }
  | { readonly status: 'none' }
  /** The device gave no answer to some of it, so that nothing is known. */
  | { readonly status: 'stopped'; readonly answer: Refusal };

/**
 * Reads the chain of models. A chain that breaks off, by a refusal or by lengths that lead nowhere, counts as far as it
 * went: values are believed only beside the header of their model.
 */
export async function readChain<Refusal extends Exclude<Outcome, Done>>(
  ask: (request: ReadRequest) => Promise<Done | Refusal>,
  bases: readonly number[] = SUNSPEC_BASES,
): Promise<Chain<Refusal>> {
  let stop: Refusal | undefined;
  const read = async (address: number): Promise<Buffer | undefined> => {
    const answer = await ask({ function: 3, address, count: 2 });
    if (answer.status === 'done') return answer.data;
    if (!isRefused(answer)) stop = answer;
    return undefined;
  };
  for (const base of bases) {
    const marker = await read(base);
    const models = marker?.toString('latin1') === MARKER ? await readModels(read, base) : undefined;
    if (stop !== undefined) return { status: 'stopped', answer: stop };
    if (models !== undefined) return { status: 'found', base, models };
  }
  return { status: 'none' };
}

/** True if the device said that it does not have what it was asked for. */
export function isRefused(answer: Exclude<Outcome, Done>): boolean {
  return answer.status === 'exception' && exceptionRule(answer.code).cause === 'rejected';
}

async function readModels(
  read: (address: number) => Promise<Buffer | undefined>,
  base: number,
): Promise<readonly Model[]> {
  const models: Model[] = [];
  let address = base + MARKER_REGISTERS;
  while (models.length < MOST_MODELS && address + HEADER <= ADDRESSES) {
    const header = await read(address);
    if (header === undefined) break;
    const [id, length] = [header.readUInt16BE(0), header.readUInt16BE(2)];
    const end = address + HEADER + length;
    if (id === END_MODEL || id === 0 || length === 0 || end > ADDRESSES) break;
    models.push({ id, address, length });
    address = end;
  }
  return models;
}

/** Which of the models in a chain a device is made of. */
export interface ModelChoice {
  readonly main: number;
  /** the how manieth of its number, from 1 */
  readonly nth: number;
}

const COMMON_MODEL = 1;

/**
 * The model `id` that belongs to the chosen one. A device begins with its Common Model, also behind a data logger that
 * shows several. If it has several main models, what stands behind one of them is of that one alone, and what stands
 * before the first of all.
 */
export function modelOf(models: readonly Model[], { main, nth }: ModelChoice, id: number): Model | undefined {
  const chosen = models.filter((model) => model.id === main)[nth - 1];
  if (chosen === undefined || id === main) return chosen;
  const device = deviceAround(models, models.indexOf(chosen));
  const [before = [], ...each] = splitBefore(device, main);
  const own = each.find(([first]) => first === chosen) ?? [];
  return [...own, ...before].find((model) => model.id === id);
}

/** The models of the device that this one is of; all of them where the chain does not begin as it should. */
function deviceAround(models: readonly Model[], at: number): readonly Model[] {
  const first = models.findLastIndex(({ id }, index) => id === COMMON_MODEL && index < at);
  const next = models.findIndex(({ id }, index) => id === COMMON_MODEL && index > at);
  if (first < 0) return models;
  return models.slice(first, next < 0 ? undefined : next);
}

/** What stands before the first model of this number, and then each of them with what stands behind it. */
function splitBefore(models: readonly Model[], id: number): readonly (readonly Model[])[] {
  const parts: Model[][] = [[]];
  for (const model of models) {
    if (model.id === id) parts.push([]);
    parts.at(-1)?.push(model);
  }
  return parts;
}

/** What stands before the registers of a model. */
export function headerOf({ id, length }: Model): Buffer {
  const header = Buffer.alloc(2 * HEADER);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(length, 2);
  return header;
}

/** A chain as a device would have it that is made of these models, by number; lengths in registers behind the header. */
export function chainOf(
  lengths: ReadonlyMap<number, number>,
  [base = 0]: readonly number[],
): readonly Model[] {
  let address = base + MARKER_REGISTERS;
  return [...lengths]
    .sort(([a], [b]) => a - b)
    .map(([id, length]) => {
      const model = { id, address, length };
      address += HEADER + length;
      return model;
    });
}

/** The registers that lead to these models: marker, headers and end, by address. */
export function chainImage(models: readonly Model[]): readonly (readonly [address: number, data: Buffer])[] {
  const first = models[0];
  const last = models.at(-1);
  if (first === undefined || last === undefined) return [];
  return [
    [first.address - MARKER_REGISTERS, Buffer.from(MARKER, 'latin1')],
    ...models.map((model) => [model.address, headerOf(model)] as const),
    [last.address + HEADER + last.length, Buffer.from([0xff, 0xff, 0, 0])],
  ];
}
