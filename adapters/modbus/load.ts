import type { AdapterModule, BusLoad, PollPlan } from 'lwm2m-gateway/adapter';
import { connectionType } from './connection.ts';
import type { Medium } from './cost.ts';
import { noCuts } from './learned.ts';
import { planMs, planReads } from './planner.ts';
import { compileDevice, type Field } from './points.ts';

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
    lines: polls.map((poll) => poll.line),
  };
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
    const line = `${device.id}: ${wanted.length} points in ${blocks.length} requests, ${busyMs.toFixed(0)} ms every ${intervalMs / 1000} s`;
    return { intervalMs, requests: blocks.length, busyMs, line };
  });
}
