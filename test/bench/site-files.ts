import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a configuration of a bench says beside what all of them say; the texts are YAML. */
export interface SiteText {
  /** entries of `servers` */
  readonly servers: string;
  readonly intervalMs: number;
  /** a name, and what stands behind it */
  readonly connection: readonly [name: string, how: string];
  /** of `generate`, for all devices */
  readonly devices: string;
  readonly profile: {
    readonly protocol: string;
    readonly model: string;
    readonly more?: string;
    /** name, and what stands behind it */
    readonly points: readonly (readonly [name: string, how: string])[];
    /** of object 10242: number, and name of the point */
    readonly resources: readonly (readonly [resource: number, point: string])[];
  };
}

const lines = (indent: number, rows: readonly (readonly [string | number, string])[]): string =>
  rows.map(([name, how]) => `${' '.repeat(indent)}${name}: ${how}`).join('\n');

const profileText = ({
  protocol,
  model,
  more = '',
  points,
  resources,
}: SiteText['profile']): string => `profile:
  id: bench/device
  protocol: ${protocol}
  manufacturer: Bench
  model: ${model}
${more}  points:
${lines(4, points)}
  objects:
    - object: 10242
      resources:
${lines(8, resources)}
`;

const gatewayText = (
  folder: string,
  { servers, intervalMs, connection: [name, how], devices }: SiteText,
): string => `upstream:
  endpoint: "urn:dev:ops:bench-gateway"
  servers: [ ${servers} ]
profilePaths: [profiles]
defaults: { poll: ${intervalMs}ms }
connections:
  ${name}: ${how}
devices:
  - generate: ${devices}
    profile: bench/device
    connection: ${name}
state: { path: "${folder}/state" }
log: { level: error }
`;

/** Writes a configuration as a user would. @returns its file */
export async function writeFiles(folder: string, site: SiteText): Promise<string> {
  const file = join(folder, 'gateway.yaml');
  await mkdir(join(folder, 'profiles'), { recursive: true });
  await writeFile(join(folder, 'profiles', 'device.yaml'), profileText(site.profile));
  await writeFile(file, gatewayText(folder, site));
  return file;
}
