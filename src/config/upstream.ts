import type { z } from 'zod';
import type {
  BootstrapConfig,
  RegistrationConfig,
  ServerConfig,
  TransmissionConfig,
  UpstreamConfig,
} from './config.ts';
import { readCredentials } from './credentials.ts';
import type { Faults, Note } from './fault.ts';
import { childOf, itemsOf, type Node } from './node.ts';
import type { Reader } from './sources.ts';
import type { upstream } from './upstream-schema.ts';

type CheckedUpstream = z.output<typeof upstream>;
type CheckedServer = CheckedUpstream['servers'][number];

/** The servers with their defaults. @param node the map under `upstream:` */
export function toUpstream(
  checked: CheckedUpstream,
  node: Node,
  reader: Reader,
  faults: Faults,
  notes: Note[],
): UpstreamConfig {
  const { endpoint, representation, storedObjects } = checked;
  const nodes = itemsOf(childOf(node, 'servers'));
  const servers = checked.servers.map((one, index): ServerConfig => {
    const given = childOf(nodes[index], 'credentials');
    const credentials =
      one.credentials && given && readCredentials(one.credentials, given, reader, faults, notes);
    return { ...toServer(one, index + 1, representation), ...(credentials && { credentials }) };
  });
  checkShortServerIds(servers, nodes, faults);
  checkLocalPorts(servers, nodes, faults);
  const { bootstrap } = checked;
  const bootstrapNode = childOf(childOf(node, 'bootstrap'), 'credentials');
  const bootstrapCredentials =
    bootstrap?.credentials &&
    bootstrapNode &&
    readCredentials(bootstrap.credentials, bootstrapNode, reader, faults, notes);
  if (servers.length === 0 && bootstrap === undefined)
    faults.add(
      (childOf(node, 'servers') ?? node).place,
      'there is no server; allowed: servers, bootstrap or both',
    );
  return {
    endpoint,
    representation,
    servers,
    storedObjects: [...new Set(storedObjects)],
    ...(bootstrap !== undefined && {
      bootstrap: {
        ...toBootstrap(bootstrap),
        ...(bootstrapCredentials && { credentials: bootstrapCredentials }),
      },
    }),
  };
}

function toBootstrap({
  uri,
  holdOff,
  accountTimeout,
  pack,
}: NonNullable<CheckedUpstream['bootstrap']>): BootstrapConfig {
  return { uri: uri.uri, holdOffS: holdOff, accountTimeoutS: accountTimeout, pack };
}

function toRegistration(checked: CheckedServer['registration']): RegistrationConfig {
  const { initialDelay, retryTimer, sequenceDelay, ...rest } = checked;
  return {
    ...rest,
    ...(initialDelay !== undefined && { initialDelayS: initialDelay }),
    ...(retryTimer !== undefined && { retryTimerS: retryTimer }),
    ...(sequenceDelay !== undefined && { sequenceDelayS: sequenceDelay }),
  };
}

function toServer(
  checked: CheckedServer,
  position: number,
  representation: UpstreamConfig['representation'],
): ServerConfig {
  const { uri, lifetime, release, localPort, minPeriod, maxPeriod, transmission, notificationMode, access } =
    checked;
  return {
    ...uri,
    shortServerId: checked.shortServerId ?? position,
    lifetimeS: lifetime,
    representation: checked.representation ?? representation,
    release,
    notificationMode,
    storing: checked.storing,
    send: checked.send,
    queueMode: checked.queueMode,
    registration: toRegistration(checked.registration),
    access,
    ...(localPort !== undefined && { localPort }),
    ...(checked.heartbeat !== undefined && { heartbeatMs: checked.heartbeat }),
    ...(minPeriod !== undefined && { minPeriodS: minPeriod }),
    ...(maxPeriod !== undefined && { maxPeriodS: maxPeriod }),
    ...(transmission !== undefined && { transmission: toTransmission(transmission) }),
  };
}

function toTransmission(checked: NonNullable<CheckedServer['transmission']>): TransmissionConfig {
  const { ackTimeout, maxLatency, ...rest } = checked;
  return {
    ...rest,
    ...(ackTimeout !== undefined && { ackTimeoutMs: ackTimeout }),
    ...(maxLatency !== undefined && { maxLatencyMs: maxLatency }),
  };
}

function checkShortServerIds(servers: readonly ServerConfig[], nodes: readonly Node[], faults: Faults): void {
  const seen = new Set<number>();
  for (const [index, { shortServerId }] of servers.entries()) {
    const node = nodes[index];
    const place = (childOf(node, 'shortServerId') ?? node)?.place;
    if (seen.has(shortServerId) && place !== undefined)
      faults.add(
        place,
        'another server has this Short Server ID; without one it is the position in the list',
      );
    seen.add(shortServerId);
  }
}

/** A port here can serve one client towards one server. */
function checkLocalPorts(servers: readonly ServerConfig[], nodes: readonly Node[], faults: Faults): void {
  const seen = new Set<number>();
  for (const [index, { localPort, representation }] of servers.entries()) {
    const place = childOf(nodes[index], 'localPort')?.place;
    if (localPort === undefined || place === undefined) continue;
    if (representation === 'endpoints')
      faults.add(place, 'with representation: endpoints every device needs a port of its own; leave it out');
    if (seen.has(localPort)) faults.add(place, 'another server has this port; each needs one of its own');
    seen.add(localPort);
  }
}
