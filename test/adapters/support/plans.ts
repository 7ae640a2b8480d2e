import type { DevicePlan, PointPlan } from 'lwm2m-gateway/adapter';
import { lineMedium, type Medium, RTU_SHAPE, silenceMs } from '../../../adapters/modbus/cost.ts';

/** The keys of a point in a profile: its address, and what the contract keeps apart from that. */
export type PointKeys = Record<string, unknown> &
  Partial<Pick<PointPlan, 'access' | 'group'>> & { write?: Record<string, unknown> };

/** A device plan as the gateway would make it of a profile with these points. */
export function devicePlan(
  points: Record<string, PointKeys>,
  more: Partial<Omit<DevicePlan, 'points'>> = {},
): DevicePlan {
  return {
    id: 'meter',
    settings: { unit: 1 },
    protocol: { addressing: 'pdu0' },
    requestTimeoutMs: 300,
    retries: 0,
    ...more,
    points: new Map(Object.entries(points).map(([id, keys]) => [id, pointPlan(id, keys)])),
  };
}

function pointPlan(id: string, { access = 'r', group, write, ...address }: PointKeys): PointPlan {
  return {
    id,
    access,
    address,
    ...(group === undefined ? {} : { group }),
    ...(write === undefined ? {} : { write }),
  };
}

/** The value of the first sample, or its cause as text. */
export function outcomeOf(sample: { value: unknown } | { cause: string } | undefined): unknown {
  if (sample === undefined) return undefined;
  return 'value' in sample ? sample.value : sample.cause;
}

/** An RTU line with 11 bits per character, whose devices answer after 30 ms. */
export function rtuLine(baud: number): Medium {
  const characterMs = (1000 * 11) / baud;
  return lineMedium(RTU_SHAPE, { characterMs, silenceMs: silenceMs(baud, characterMs) }, 30);
}
