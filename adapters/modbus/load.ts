import type { AdapterModule, BusLoad, PollPlan } from 'lwm2m-gateway/adapter';
import { connectionType } from './connection.ts';
import type { Medium } from './cost.ts';
import type { Field } from './field.ts';
import { noCuts } from './learned.ts';
import { planMs, planReads } from './planner.ts';
import { compileDevice } from './points.ts';

/** What the polls of a connection take of its time, by the same plans and costs that the reads will use. */
export function connectionLoad(
  connection: Parameters<AdapterModule['load']>[0],
  plans: readonly PollPlan[],
): BusLoad {
  const medium = connectionType(connection.type).medium(connection.settings);
  const polls = plans.flatMap((plan) => pollLoads(plan, medium));
  return {
    requestsPerSecond: polls.reduce((sum, poll) => sum + (1000 * poll.requests) / poll.intervalMs, 0),
    utilisation: polls.reduce((sum, poll) => sum + poll.busyMs / poll.intervalMs, 0),
    lines: [mediumLine(medium), ...polls.map((poll) => poll.line)],
  };
}

/** A share of the time, with as many digits as it needs to be none. */
function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 2 : 0)} %`;
}

function mediumLine({ requestMs, latencyMs, registerMs }: Medium): string {
  const wireMs = requestMs - latencyMs;
  return `a request takes ${wireMs.toFixed(1)} ms and ${registerMs.toFixed(2)} ms per register, the device ${latencyMs.toFixed(0)} ms (assumed)`;
}

interface PollLoad {
  readonly intervalMs: number;
  readonly requests: number;
  readonly busyMs: number;
  readonly line: string;
}

function pollLoads({ device, polls }: PollPlan, medium: Medium): readonly PollLoad[] {
  const { fields, rules } = compileDevice(device);
  return polls.map(({ points, intervalMs }) => {
    const wanted = points
      .map((point) => fields.get(point))
      .filter((field): field is Field => !!field?.isReadable);
    const blocks = planReads(wanted, rules, noCuts(), medium);
    const busyMs = planMs(blocks, medium);
    const line = `${device.id}: ${wanted.length} points in ${blocks.length} requests, ${busyMs.toFixed(0)} ms every ${intervalMs / 1000} s = ${percent(busyMs / intervalMs)}`;
    return { intervalMs, requests: blocks.length, busyMs, line };
  });
}
