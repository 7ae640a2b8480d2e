import {
  ACCESS_CONTROL_OBJECT,
  type AccessControls,
  accessControlOf,
  accessControlValues,
  NO_SERVER,
  SERVER_RESOURCES as SERVER,
  withoutServer,
} from '../objects/index.ts';
import { type Configuration, instancesOf, merge, without } from './configuration.ts';

const SERVER_OBJECT = 1;

/** What a configuration says in object 2. */
export function rightsIn(configuration: Configuration): AccessControls {
  const instances = instancesOf(configuration, ACCESS_CONTROL_OBJECT);
  return new Map([...instances].map(([id, values]) => [id, accessControlOf(values)]));
}

/** The Short Server IDs of those that a configuration knows. */
export function serversIn(configuration: Configuration): ReadonlySet<number> {
  const instances = [...instancesOf(configuration, SERVER_OBJECT).values()];
  return new Set(instances.map((values) => Number(values.get(SERVER.shortServerId))));
}

/** The Short Server IDs that object 2 names, there or not. */
export function namedIn(configuration: Configuration): readonly number[] {
  return [...rightsIn(configuration).values()].flatMap(({ rights, owner }) => [...rights.keys(), owner]);
}

/**
 * A configuration after another in which there were servers that it has no more (OMA Core 1.2 8.1.3): their rights are
 * gone, what they own is another's, and what nobody else could use is gone too.
 */
export function withoutLeavers(configuration: Configuration, before: Configuration): Configuration {
  const stay = serversIn(configuration);
  const leavers = [...serversIn(before)].filter((server) => !stay.has(server));
  let result = configuration;
  for (const server of leavers) {
    for (const [id, control] of rightsIn(result)) {
      const rest = withoutServer(control, server);
      result = without(result, ACCESS_CONTROL_OBJECT, id);
      if (rest !== undefined) result = merge(result, ACCESS_CONTROL_OBJECT, id, accessControlValues(rest));
      else if (control.object > ACCESS_CONTROL_OBJECT)
        result = without(result, control.object, control.instance);
    }
  }
  return result;
}

/** What makes no sense in object 2 (OMA Core 1.2.2 6.1.7.7). @param known servers that may be named */
export function rightsFaults(configuration: Configuration, known: ReadonlySet<number>): string[] {
  const faults: string[] = [];
  const byTarget = new Map<string, number>();
  for (const [id, { object, instance, rights, owner }] of rightsIn(configuration)) {
    const at = `/${ACCESS_CONTROL_OBJECT}/${id}`;
    const target = `/${object}/${instance}`;
    const other = byTarget.get(target);
    if (other !== undefined) faults.push(`${at} and /${ACCESS_CONTROL_OBJECT}/${other} are about ${target}`);
    byTarget.set(target, id);
    for (const server of rights.keys())
      if (server !== 0 && !known.has(server)) faults.push(`${at}/2/${server}: there is no server ${server}`);
    if (owner !== NO_SERVER && !known.has(owner)) faults.push(`${at}/3: there is no server ${owner}`);
  }
  return faults;
}
