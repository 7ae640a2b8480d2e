import { askMonitor } from '../monitor/index.ts';
import type { GatewayStatus } from '../wire/index.ts';
import { describeError, EXIT, type Output, table } from './output.ts';
import { MONITOR_SOCKET } from './run.ts';

/** `status`: what the running gateway says of itself. */
export async function status(folder: string, json: boolean, out: Output): Promise<number> {
  try {
    const snapshot = (await askMonitor(`${folder}/${MONITOR_SOCKET}`)) as GatewayStatus;
    out.print(json ? JSON.stringify(snapshot) : statusText(snapshot));
    return EXIT.ok;
  } catch (error) {
    out.complain(describeError(error));
    return EXIT.failed;
  }
}

function statusText({ version, startedAt, servers, devices, connections }: GatewayStatus): string {
  const blocks = [
    table(
      servers.map(({ server, endpoint, phase, release, observations, problem }) => [
        `server ${server}`,
        endpoint,
        phase,
        release === undefined ? '' : `LwM2M ${release}`,
        `${observations} observations`,
        problem ?? '',
      ]),
    ),
    table(
      devices.map(({ id, prefix, state, deviceId, location = '' }) => [
        id,
        `/${prefix}`,
        state,
        deviceId,
        location,
      ]),
    ),
    table(
      connections.map(({ id, statistics }) => [
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
export async function health(folder: string, out: Output): Promise<number> {
  try {
    await askMonitor(`${folder}/${MONITOR_SOCKET}`);
    return EXIT.ok;
  } catch (error) {
    out.complain(describeError(error));
    return EXIT.failed;
  }
}
