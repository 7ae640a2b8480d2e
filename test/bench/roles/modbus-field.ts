/**
 * Meters for the Modbus bench. Arguments: how many, points each (`meter` or a number), ms per character of a line
 * before them (0: Modbus TCP, no line), ms that a device takes.
 */
import { createTestHost } from 'lwm2m-gateway/adapter/testkit';
import { simulate } from '../../../adapters/modbus/simulator.ts';
import { startRelay } from '../../support/relay.ts';
import { answerParent } from '../children.ts';
import { meterPlan } from '../modbus-plan.ts';
import { usage } from '../usage.ts';

const [count = '1', points = '30', character = '0', turnaround = '0'] = process.argv.slice(2);
const characterMs = Number(character);
const plans = Array.from({ length: Number(count) }, (_, index) =>
  meterPlan((index % 247) + 1, points === 'meter' ? points : Number(points)),
);
const unique = plans.slice(0, 247);
const field = await simulate(unique, createTestHost(), {
  type: characterMs > 0 ? 'modbus-rtu-tcp' : 'modbus-tcp',
});
for (const { id, points: own } of unique)
  for (const point of own.keys()) field.set(id, point, Number(point.slice(1)) + 0.5);
const relay =
  characterMs > 0
    ? await startRelay(Number(field.connection.port), { characterMs, turnaroundMs: Number(turnaround) })
    : undefined;
answerParent({ usage, port: () => relay?.port ?? field.connection.port });
