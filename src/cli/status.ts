import { askControl } from '../control/index.ts';
import type { GatewayStatus } from '../wire/index.ts';
import { CONTROL_SOCKET, type OrderOptions, order } from './order.ts';
import { describeError, EXIT, type Output, table } from './output.ts';

/** `status`: what the running gateway says of itself. */
export function status(options: OrderOptions, out: Output): Promise<number> {
  return order('status', {}, options, (answer) => statusText(answer as GatewayStatus), out);
}

/** `devices`: the devices of the running gateway. */
export function devices(options: OrderOptions, out: Output): Promise<number> {
  return order('devices', {}, options, (answer) => deviceTable(answer as GatewayStatus['devices']), out);
}

function deviceTable(of: GatewayStatus['devices']): string {
  return table(
    of.map(({ id, prefix, state, deviceId, location = '' }) => [id, `/${prefix}`, state, deviceId, location]),
  );
}

function statusText(status: GatewayStatus): string {
  const { version, startedAt, damagedFiles, servers, bootstrap, devices, connections, memory } = status;
  const blocks = [
    damagedFiles === 0 ? '' : `state files that were damaged, and set aside: ${damagedFiles}`,
    bootstrap === undefined
      ? ''
      : ['Bootstrap-Server', bootstrap.phase, bootstrap.problem ?? ''].join('  ').trimEnd(),
    table(
      servers.map(({ server, endpoint, phase, release, observations, stored, problem }) => [
        `server ${server}`,
        endpoint,
        phase,
        release === undefined ? '' : `LwM2M ${release}`,
        `${observations} observations`,
        stored === 0 ? '' : `${stored} stored`,
        problem ?? '',
      ]),
    ),
    deviceTable(devices),
    table(
      [...connections, { id: 'memory', statistics: memory }].map(({ id, statistics }) => [
        id,
        Object.entries(statistics)
          .map(([name, value]) => `${name} ${value}`)
          .join(', '),
      ]),
    ),
  ];
  return [
    `lwm2m-gateway ${version}, running since ${startedAt}`,
    ...blocks.filter((block) => block !== ''),
  ].join('\n\n');
}

/**
 * `health`: for container health checks. Healthy is a process that answers: a server or a meter that is away is no
 * reason to restart the box, which heals by itself.
 */
export async function health(state: string, out: Output): Promise<number> {
  try {
    await askControl(`${state}/${CONTROL_SOCKET}`, 'status');
    return EXIT.ok;
  } catch (error) {
    out.complain(describeError(error));
    return EXIT.failed;
  }
}
