import type {
  Adapter,
  AdapterHost,
  AdapterSchemas,
  BusLoad,
  ConnectionPlan,
  DevicePlan,
  PlanFault,
  PointId,
  PollPlan,
} from './contract.ts';
import type { AdapterTools, FaultRules, SimulatedMedium, Simulation } from './tools.ts';

/**
 * The contract between the gateway and a field protocol. An adapter is an ES module whose default export is an
 * {@link AdapterModule}; it is found by name (`adapters/<name>` or an npm package), so an outside package is the
 * equal of a built-in one.
 */

/** A field protocol. */
export interface AdapterModule {
  /** e.g. `modbus`; profiles name it as `protocol` */
  readonly name: string;
  readonly schemas: AdapterSchemas;
  /** Faults that a schema cannot tell, e.g. a point that exceeds a limit. Pure. */
  check(device: DevicePlan, connection: ConnectionPlan): readonly PlanFault[];
  /** Where points stand on the wire, in the words of manuals, for `check`: `holding 0x0034 (40053)`. Pure. */
  places?(device: DevicePlan): ReadonlyMap<PointId, string>;
  /** How busy the connection will be with these polls. Pure. */
  load(connection: ConnectionPlan, plans: readonly PollPlan[]): BusLoad;
  open(connection: ConnectionPlan & { readonly id: string }, host: AdapterHost): Adapter;
  /**
   * Simulates devices from their plans: on the loopback interface, or on the medium of a connection type that is named.
   */
  simulate?(devices: readonly DevicePlan[], host: AdapterHost, medium?: SimulatedMedium): Promise<Simulation>;
  /** What a simulation can be told to do wrong. */
  readonly faults?: FaultRules;
  readonly tools?: AdapterTools;
}
