import { isDeepStrictEqual } from 'node:util';
import type { Adapter } from '../adapter/index.ts';
import type { Clock, Timers } from '../base/index.ts';
import type { ConnectionConfig } from '../config/index.ts';
import {
  assignIdentities,
  type Device,
  type Identity,
  readIdentities,
  startDevice,
  writeIdentities,
} from '../gateway/index.ts';
import type { ObjectDefinition } from '../model/index.ts';
import { openStateFile } from '../store/index.ts';
import { deviceDigest, type MemoryOfDevice, type MemoryStatistics, openFieldMemory } from './memory.ts';
import type { DamageReport } from './mended.ts';
import type { Plan, PlannedDevice } from './plan.ts';

/** A device that runs. */
export interface Member {
  readonly planned: PlannedDevice;
  readonly identity: Identity;
  readonly device: Device;
}

/** Hears devices come and go. A device that changed goes and comes. */
export interface FleetListener {
  came(member: Member): void;
  /** Its tree is empty by now. */
  went(member: Member): void;
}

/** The field side: open connections, and the devices on them. */
export interface Fleet {
  /** In the order of the configuration. */
  readonly members: readonly Member[];
  readonly connections: ReadonlyMap<string, Adapter>;
  readonly memory: MemoryStatistics;
  /**
   * Makes the fleet what the plan says; what the plan leaves as it was is not touched. To be called once at a time.
   * @throws GatewayError `store.*`, `gateway.*` when a device cannot have its identity; nothing has changed then
   */
  follow(plan: Plan): Promise<void>;
  stop(): Promise<void>;
}

export interface FleetPorts extends DamageReport {
  readonly stateDirectory: string;
  readonly clock: Clock;
  readonly timers: Timers;
  random(): number;
}

interface Connection {
  readonly config: ConnectionConfig;
  readonly adapter: Adapter;
}

/** What a device is made of; if it is the same, the device need not start again. */
function isSame(member: Member, planned: PlannedDevice, identity: Identity): boolean {
  return (
    isDeepStrictEqual(member.identity, identity) &&
    isDeepStrictEqual(member.planned.config, planned.config) &&
    isDeepStrictEqual(definitionsOf(member.planned), definitionsOf(planned))
  );
}

const definitionsOf = ({ compiled }: PlannedDevice): readonly ObjectDefinition[] =>
  compiled.instances.map(({ definition }) => definition);

function bringUp(
  { config, compiled }: PlannedDevice,
  adapter: Adapter,
  ports: FleetPorts,
  memory: MemoryOfDevice,
): Device {
  const { manufacturer, model } = config.profile;
  return startDevice(
    compiled,
    adapter.attach(compiled.plan, memory),
    {
      id: config.id,
      ...(manufacturer === undefined ? {} : { manufacturer }),
      ...(model === undefined ? {} : { model }),
    },
    config.quarantine,
    ports,
    memory.marks,
  );
}

/** A connection without devices is not opened: there is nothing to ask there. */
function wantedConnections({ devices }: Plan): Map<string, PlannedDevice> {
  return new Map(devices.map((planned) => [planned.connection.id, planned]));
}

export function createFleet(ports: FleetPorts, listener: FleetListener): Fleet {
  const connections = new Map<string, Connection>();
  let members: readonly Member[] = [];
  const memory = openFieldMemory(`${ports.stateDirectory}/field.json`, ports, (own) => {
    for (const { identity, device } of members) own.note(identity.deviceId, device.marks());
  });

  const dismiss = (member: Member): void => {
    memory.note(member.identity.deviceId, member.device.marks());
    member.device.stop();
    listener.went(member);
  };

  /** Closes what the plan does not want as it is. A medium is free before anybody opens it again. */
  const closeConnections = async (wanted: ReadonlyMap<string, PlannedDevice>): Promise<void> => {
    const closing: Promise<void>[] = [];
    for (const [id, { config, adapter }] of connections) {
      if (isDeepStrictEqual(wanted.get(id)?.connection, config)) continue;
      connections.delete(id);
      closing.push(adapter.close());
    }
    await Promise.all(closing);
  };

  const openConnections = (wanted: ReadonlyMap<string, PlannedDevice>): void => {
    for (const [id, { connection, adapter: module }] of wanted) {
      if (connections.has(id)) continue;
      const adapter = module.open(connection, ports);
      connections.set(id, { config: connection, adapter });
      adapter.start();
    }
  };

  return {
    get members() {
      return members;
    },
    get connections() {
      return new Map([...connections].map(([id, { adapter }]) => [id, adapter]));
    },
    async follow(plan) {
      const identities = await keepIdentities(plan);
      const wanted = wantedConnections(plan);
      const isKept = (id: string): boolean =>
        isDeepStrictEqual(wanted.get(id)?.connection, connections.get(id)?.config);
      const running = new Map(members.map((member) => [member.planned.config.id, member]));
      const kept = plan.devices.map((planned, index) => {
        const identity = identityAt(identities, index);
        const member = running.get(planned.config.id);
        const goesOn =
          member !== undefined && isKept(planned.connection.id) && isSame(member, planned, identity);
        return { planned, identity, member: goesOn ? member : undefined };
      });
      const staying = new Set(kept.map(({ member }) => member));
      const going = members.filter((member) => !staying.has(member));
      members = members.filter((member) => staying.has(member));
      for (const member of going) dismiss(member);
      await closeConnections(wanted);
      openConnections(wanted);
      members = kept.map(({ planned, identity, member }) => {
        if (member !== undefined) return member;
        const adapter = connections.get(planned.connection.id)?.adapter;
        if (adapter === undefined) throw new RangeError(`no connection for ${planned.config.id}`);
        const remembered = memory.of(identity.deviceId, deviceDigest(planned));
        return { planned, identity, device: bringUp(planned, adapter, ports, remembered) };
      });
      memory.forgetOthers(members.map(({ identity }) => identity.deviceId));
      for (const member of members) if (!staying.has(member)) listener.came(member);
    },
    get memory() {
      return memory.statistics;
    },
    async stop() {
      await memory.close();
      for (const { device } of members) device.stop();
      members = [];
      await closeConnections(new Map());
    },
  };
}

function identityAt(identities: readonly Identity[], index: number): Identity {
  const identity = identities[index];
  if (identity === undefined) throw new RangeError(`no identity for device ${index}`);
  return identity;
}

/** Gives every device its identity, and remembers it before anybody hears of it. */
async function keepIdentities(plan: Plan): Promise<readonly Identity[]> {
  const state = openStateFile(`${plan.config.stateDirectory}/identities.json`);
  const remembered = readIdentities(state.load());
  const { identities, remember } = assignIdentities(plan.nameable, remembered);
  if (remember.length > remembered.length) await state.save(writeIdentities(remember));
  return identities;
}
