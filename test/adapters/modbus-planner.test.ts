import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tcpMedium } from '../../adapters/modbus/cost.ts';
import { createLatency } from '../../adapters/modbus/latency.ts';
import { noCuts } from '../../adapters/modbus/learned.ts';
import { type PlanRules, planMs, planReads, type Spot } from '../../adapters/modbus/planner.ts';
import { rtuLine } from './support/plans.ts';

const RULES: PlanRules = {
  maxRegisters: 125,
  maxBits: 2000,
  batching: 'auto',
  unreadable: { coil: [], discrete: [], holding: [], input: [] },
};
const TCP = tcpMedium(0);
const LINE_9600 = rtuLine(9600);

const at = (address: number, span = 2, more: Partial<Spot> = {}): Spot => ({
  table: 'input',
  address,
  span,
  ...more,
});

/** `address+count` of each request. */
function plan(
  spots: readonly Spot[],
  rules: Partial<PlanRules> = {},
  medium = TCP,
  cuts = noCuts(),
): string[] {
  const blocks = planReads(spots, { ...RULES, ...rules }, cuts, medium);
  return blocks.map(({ address, count }) => `${address}+${count}`);
}

/** 34 float32 of a three-phase meter that answers at most 80 registers at once. */
const METER = [
  ...Array.from({ length: 18 }, (_, index) => 2 * index),
  ...[52, 62, 70, 72, 84],
  ...[234, 236, 248],
  ...[342, 346, 350, 352, 354, 358, 360, 362],
].map((address) => at(address));

describe('a plan reads all points in the fewest milliseconds (thingsboard-gateway #1589, thingsboard-gateway #1821, device-modbus-go #629, telegraf #12222, evcc #30846, evcc #32234, evcc #32887)', () => {
  test.each([
    ['a 9600 Bd line', LINE_9600],
    ['TCP', TCP],
  ])('34 points of a meter take four requests on %s', (_, medium) => {
    expect(METER).toHaveLength(34);
    const blocks = planReads(METER, { ...RULES, maxRegisters: 80 }, noCuts(), medium);
    expect(blocks.map(({ address, count }) => `${address}+${count}`)).toEqual([
      '0+36',
      '52+34',
      '234+16',
      '342+22',
    ]);
    const alone = METER.flatMap((spot) => planReads([spot], RULES, noCuts(), medium));
    expect(planMs(blocks, medium)).toBeLessThan(planMs(alone, medium) / 4);
  });

  test('a planned cycle of that meter takes 0.46 s at 9600 Bd and 22 ms on TCP', () => {
    const msOn = (medium: typeof TCP): number =>
      planMs(planReads(METER, { ...RULES, maxRegisters: 80 }, noCuts(), medium), medium);
    expect(Math.round(msOn(LINE_9600))).toBe(459);
    expect(Math.round(msOn(TCP))).toBe(22);
  });

  test.each([
    [1200, 11],
    [2400, 13],
    [9600, 23],
    [19_200, 36],
    [38_400, 64],
    [115_200, 181],
  ])('at %i Bd a gap of %i registers is bridged and the next wider one is not', (baud, gap) => {
    const medium = rtuLine(baud);
    const rules = { maxRegisters: 1000 };
    expect(plan([at(0), at(2 + gap)], rules, medium)).toHaveLength(1);
    expect(plan([at(0), at(3 + gap)], rules, medium)).toHaveLength(2);
  });

  test('on TCP gaps are bridged up to the limit', () => {
    expect(plan([at(0), at(123)])).toEqual(['0+125']);
    expect(plan([at(0), at(124)])).toEqual(['0+2', '124+2']);
  });
});

describe('a plan keeps the rules', () => {
  test('tables are never mixed, and bits have a limit of their own', () => {
    const bits = [
      at(0, 1, { table: 'coil' }),
      at(1999, 1, { table: 'coil' }),
      at(2000, 1, { table: 'coil' }),
    ];
    expect(plan([at(0), at(2, 2, { table: 'holding' })])).toEqual(['0+2', '2+2']);
    expect(plan(bits)).toHaveLength(2);
  });

  test('nothing unreadable is touched to bridge a gap', () => {
    const unreadable = { ...RULES.unreadable, input: [[2, 3]] as const };
    expect(plan([at(0), at(4)], { unreadable })).toEqual(['0+2', '4+2']);
    expect(plan([at(0), at(4)], { unreadable: { ...RULES.unreadable, input: [[6, 9]] } })).toEqual(['0+6']);
  });

  test('off asks for each point alone (telegraf #12071), and still for one register only once', () => {
    const bits = [at(0, 1), at(0, 1), at(1, 1)];
    expect(plan(bits, { batching: 'off' })).toEqual(['0+1', '1+1']);
  });

  test('maxGap limits what is read in vain', () => {
    expect(plan([at(0), at(5), at(11)], { batching: { maxGap: 3 } })).toEqual(['0+7', '11+2']);
    expect(plan([at(0), at(2), at(5)], { batching: { maxGap: 0 } })).toEqual(['0+4', '5+2']);
  });

  test('pitfall 14: points of a group come from one request, with what lies between', () => {
    const spots = [at(0, 2, { group: 'energy' }), at(20, 2, { group: 'energy' }), at(10), at(60)];
    expect(plan(spots, { batching: 'off' })).toEqual(['0+22', '10+2', '60+2']);
    expect(plan(spots, { maxRegisters: 30 })).toEqual(['0+22', '60+2']);
  });

  test('no request goes across a learned cut', () => {
    const cuts = { ...noCuts(), input: new Set([4]) };
    expect(plan([at(0), at(2), at(4), at(6)], {}, TCP, cuts)).toEqual(['0+4', '4+4']);
    expect(plan([at(0), at(5)], {}, TCP, cuts)).toEqual(['0+2', '5+2']);
  });

  const spots = fc.array(
    fc.record({
      table: fc.constantFrom('input' as const, 'holding' as const, 'coil' as const),
      address: fc.integer({ min: 0, max: 400 }),
      span: fc.constantFrom(1, 2, 4),
      group: fc.option(fc.constantFrom('a', 'b'), { nil: undefined, freq: 6 }),
    }),
    { maxLength: 40 },
  );
  const rules = fc.record({
    maxRegisters: fc.integer({ min: 4, max: 125 }),
    batching: fc.oneof(
      fc.constantFrom('auto' as const, 'off' as const),
      fc.record({ maxGap: fc.integer({ min: 0, max: 20 }) }),
    ),
  });

  test('pitfall 14: any points are each read exactly once, whole, and within the limits unless one atom alone exceeds them (thingsboard-gateway #2052, evcc #31096)', () => {
    fc.assert(
      fc.property(spots, rules, fc.constantFrom(TCP, LINE_9600), (wanted, some, medium) => {
        const all = { ...RULES, ...some };
        const blocks = planReads(wanted, all, noCuts(), medium);
        const read = blocks.flatMap((block) => block.atoms.flatMap((atom) => atom.spots));
        expect(new Set(read)).toEqual(new Set(wanted));
        expect(read).toHaveLength(wanted.length);
        for (const { table, address, count, atoms } of blocks) {
          if (atoms.length > 1)
            expect(count).toBeLessThanOrEqual(table === 'coil' ? all.maxBits : all.maxRegisters);
          for (const spot of atoms.flatMap((atom) => atom.spots)) {
            expect(spot.table).toBe(table);
            expect(spot.address).toBeGreaterThanOrEqual(address);
            expect(spot.address + spot.span).toBeLessThanOrEqual(address + count);
          }
        }
      }),
    );
  });
});

describe('what a device really takes', () => {
  const medium = rtuLine(9600);
  const spots = [0, 30].map((address): Spot => ({ table: 'holding', address, span: 1 }));
  const requestsAt = (latencyMs: number): number => {
    const latency = createLatency(medium);
    const wireMs = medium.requestMs - medium.latencyMs;
    for (let count = 0; count < 20; count++) latency.note(wireMs + latencyMs + 5, 5);
    return planReads(spots, RULES, noCuts(), latency.medium).length;
  };

  test('is measured, and the plan made for it: a slow one is asked for more at once', () => {
    expect([requestsAt(10), requestsAt(30), requestsAt(150)]).toEqual([2, 2, 1]);
  });

  test('slower than what bridges every gap already is no reason for another plan: never on TCP', () => {
    const network = createLatency(tcpMedium(0));
    const line = createLatency(medium);
    for (let count = 0; count < 100; count++) {
      network.note(10 ** (count % 5), 0);
      line.note(medium.requestMs + (count < 50 ? 600 : 60_000), 0);
    }
    expect(network.version).toBe(0);
    expect(line.version).toBe(1);
  });

  test('plans stay while it is about what they were made for', () => {
    const latency = createLatency(medium);
    const wireMs = medium.requestMs - medium.latencyMs;
    for (let count = 0; count < 100; count++) latency.note(wireMs + 25 + (count % 15), 0);
    expect(latency.version).toBe(0);
    for (let count = 0; count < 100; count++) latency.note(wireMs + 100, 0);
    expect(latency.version).toBeGreaterThan(0);
    expect(latency.version).toBeLessThan(5);
  });
});
