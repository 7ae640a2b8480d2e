/** tree: the live values of one device, who is told when they change, all-or-nothing writes. Knows no server. */
export type {
  Caller,
  CellUpdate,
  Freshness,
  InstanceChange,
  InstanceSetup,
  Listed,
  Outcome,
  ReadOutcome,
  Refusal,
  Refused,
  ResourceSetup,
  ResourceValue,
  Tree,
  TreePorts,
  Watcher,
} from './contract.ts';
export { DONE } from './contract.ts';
export { createTree } from './tree.ts';
