/** tree: the live values of one device, who is told when they change, all-or-nothing writes. Knows no server. */
export type {
  Caller,
  CellUpdate,
  CreateOutcome,
  Freshness,
  InstanceChange,
  InstanceRequest,
  InstanceSetup,
  Lifecycle,
  Listed,
  ListedObject,
  Outcome,
  ReadOutcome,
  Refusal,
  Refused,
  ResourceSetup,
  ResourceValue,
  StagedWrite,
  StructureChange,
  Tree,
  TreeOperation,
  TreePorts,
  ValueSink,
  Watch,
  Watcher,
  WriteRequest,
  WriteStep,
} from './contract.ts';
export { DONE } from './contract.ts';
export { asInstances } from './node.ts';
export { createTree } from './tree.ts';
