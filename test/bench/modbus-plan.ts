import type { DevicePlan } from 'lwm2m-gateway/adapter';

/** Meters as the Modbus bench has them: float32 in input registers, as many as it says. */

/** Addresses of the 34 values of an SDM630 that sites usually want: 4 requests of at most 80 registers. */
const METER = [
  ...Array.from({ length: 18 }, (_, index) => 2 * index),
  ...[52, 56, 60, 62, 70, 72, 74, 76],
  ...[234, 236, 248],
  ...[342, 346, 350, 358, 362],
];

/** Side by side, as many as there are. */
const adjacent = (count: number): number[] => Array.from({ length: count }, (_, index) => 2 * index);

export function meterPlan(unit: number, points: 'meter' | number): DevicePlan {
  const addresses = points === 'meter' ? METER : adjacent(points);
  return {
    id: `meter-${unit}`,
    settings: { unit },
    protocol: { addressing: 'pdu0', limits: { maxRegisters: 80 } },
    requestTimeoutMs: 1000,
    retries: 2,
    points: new Map(
      addresses.map((addr) => {
        const id = `p${addr}`;
        return [id, { id, access: 'r', address: { table: 'input', addr, type: 'float32' } }];
      }),
    ),
  };
}
