import {
  type AdapterHost,
  type AdapterTools,
  type ConnectionPlan,
  type DevicePlan,
  type Finding,
  GatewayError,
  type ScanOptions,
} from 'lwm2m-gateway/adapter';
import { TABLES } from './address.ts';
import { connectionType } from './connection.ts';
import { exceptionRule } from './exceptions.ts';
import type { Field } from './field.ts';
import type { Link, Outcome } from './link.ts';
import type { ReadRequest } from './pdu.ts';
import { sunSpecRules } from './place.ts';
import { compileDevice } from './points.ts';
import { replay } from './replay.ts';
import { sniff } from './sniff.ts';
import { type Model, readChain, SUNSPEC_BASES } from './sunspec.ts';
import {
  createValueCodec,
  isBlockType,
  isDateType,
  ORDER_NAMES,
  registersOf,
  type ValueType,
} from './value.ts';
import { describeWay, waysToSpeak } from './ways.ts';

/** Asks one thing after the other on a connection of its own. */
interface Asker {
  ask(unit: number, request: ReadRequest, timeoutMs: number): Promise<Outcome>;
  close(): Promise<void>;
}

/** How long a medium may take to open. */
const OPENING_MS = 5000;

const DISCONNECTED: Outcome = { status: 'failed', cause: 'disconnected', sent: false };

function whenReady(link: Link, { clock }: AdapterHost): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isReady: boolean): void => {
      cancel();
      cancelTimer();
      resolve(isReady);
    };
    const look = (): void => {
      if (link.ready) settle(true);
      else if (link.state === 'down' || link.state === 'closed') settle(false);
    };
    const cancel = link.onChange(look);
    const cancelTimer = clock.after(OPENING_MS, () => settle(false));
    link.want();
    look();
  });
}

function createAsker({ type, settings }: ConnectionPlan, host: AdapterHost): Asker {
  let link: Link | undefined;
  const open = (): Link => {
    const opened = connectionType(type).createLink(settings, host);
    opened.start();
    return opened;
  };
  return {
    async ask(unit, request, timeoutMs) {
      // Units that are not there make a link doubt its connection. A person does not wait for it to try again.
      if (link?.state === 'down') {
        await link.close();
        link = undefined;
      }
      link ??= open();
      const used = link;
      if (!(await whenReady(used, host))) return DISCONNECTED;
      return new Promise((done) =>
        used.send(unit, request, { answerMs: timeoutMs, mostMs: timeoutMs + OPENING_MS }, done),
      );
    },
    close: async () => link?.close(),
  };
}

/** What a read comes to, in words. */
function told(outcome: Outcome): string {
  switch (outcome.status) {
    case 'done':
      return `holds ${outcome.data.toString('hex').replace(/(.{4})(?=.)/g, '$1 ')}`;
    case 'exception':
      return `refuses (${exceptionRule(outcome.code).name})`;
    case 'failed':
      return FAILURES[outcome.cause];
  }
}

const FAILURES = {
  timeout: 'no answer',
  disconnected: 'no connection',
  malformed: 'an answer that cannot be right: another protocol, or two devices with one address',
  overloaded: 'not asked',
  closed: 'not asked',
} as const;

/** A gateway before the devices says that one is not there. */
const NOBODY: ReadonlySet<number> = new Set([10, 11]);

function isThere(outcome: Outcome): boolean {
  return outcome.status === 'exception' ? !NOBODY.has(outcome.code) : outcome.status === 'done';
}

/** The medium itself is not there, whoever is asked. */
function isOut(outcome: Outcome): boolean {
  return outcome.status === 'failed' && outcome.cause === 'disconnected';
}

/** A register that devices have or refuse: either shows that they are there. */
const FIRST_HOLDING: ReadRequest = { function: 3, address: 0, count: 1 };
const UNITS = { from: 1, to: 247 };

async function* scan(
  connection: ConnectionPlan,
  { from = UNITS.from, to = UNITS.to, timeoutMs }: ScanOptions,
  host: AdapterHost,
): AsyncGenerator<Finding> {
  const asker = createAsker(connection, host);
  try {
    for (let unit = from; unit <= to; unit++) {
      const outcome = await asker.ask(unit, FIRST_HOLDING, timeoutMs);
      if (isOut(outcome))
        throw new GatewayError('modbus.no-connection', `no connection, not even for unit ${unit}`);
      const isNoise = outcome.status === 'failed' && outcome.cause === 'malformed';
      if (isThere(outcome) || isNoise)
        yield { settings: { unit }, text: `holding register 0 ${told(outcome)}` };
      if (!isThere(outcome)) continue;
      for (const base of SUNSPEC_BASES) {
        const chain = await readChain((request) => asker.ask(unit, request, timeoutMs), [base]);
        if (chain.status !== 'found') continue;
        yield { settings: { unit }, text: `SunSpec from ${base}, models ${described(chain.models)}` };
        break;
      }
    }
  } finally {
    await asker.close();
  }
}

function described(models: readonly Model[]): string {
  return models.map(({ id, address }) => `${id} at ${address}`).join(', ');
}

function typeOf(device: DevicePlan, { id }: Field): ValueType | undefined {
  return device.points.get(id)?.address.type as ValueType | undefined;
}

/** What the registers of a field say in each order of bytes and words. */
function inAllOrders(data: Buffer, type: ValueType): string {
  return ORDER_NAMES.map((order) => {
    const value = createValueCodec({ type, order, length: 1 }).decode(data, 0);
    return `${order} ${value === undefined ? 'nothing' : String(value)}`;
  }).join(', ');
}

async function* probe(
  connection: ConnectionPlan,
  device: DevicePlan,
  host: AdapterHost,
): AsyncGenerator<string> {
  const { unit } = compileDevice(device);
  for (const way of waysToSpeak(connection)) {
    const asker = createAsker(way, host);
    try {
      const outcome = await asker.ask(unit, FIRST_HOLDING, device.requestTimeoutMs);
      yield `${describeWay(way)}: unit ${unit}: holding register 0 ${told(outcome)}`;
      if (isOut(outcome)) return;
      if (!isThere(outcome)) continue;
      yield* probePoints(asker, device);
      return;
    } finally {
      await asker.close();
    }
  }
}

/** What the points of a device say, in each order of bytes and words. */
async function* probePoints({ ask }: Asker, device: DevicePlan): AsyncGenerator<string> {
  const rules = sunSpecRules(device);
  const { unit } = compileDevice(device);
  const chain =
    rules && (await readChain((request) => ask(unit, request, device.requestTimeoutMs), rules.bases));
  const models = chain?.status === 'found' ? chain.models : [];
  if (chain !== undefined)
    yield `SunSpec: ${models.length === 0 ? 'no models' : `models ${described(models)}`}`;
  const { fields } = compileDevice(device, models);
  for (const field of fields.values()) {
    if (!field.isReadable) continue;
    const request = { function: TABLES[field.table].read, address: field.address, count: field.span };
    const outcome = await ask(unit, request, device.requestTimeoutMs);
    yield `${field.id}: ${field.table} ${field.address} ${told(outcome)}`;
    const type = typeOf(device, field);
    const isPlain =
      type !== undefined && !isBlockType(type) && !isDateType(type) && registersOf(type, 1) === field.span;
    if (outcome.status === 'done' && isPlain && field.span > 1)
      yield `${field.id}: ${type} in ${inAllOrders(outcome.data, type)}`;
  }
}

export const tools: AdapterTools = { plainProfile: { addressing: 'pdu0' }, scan, probe, sniff, replay };
