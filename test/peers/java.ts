import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isOnPath } from './process.ts';

/** What of the peers in Java each Maven project below `test/peers` holds, once it is built into `.cache`. */
export type JavaProject = 'leshan' | 'leshan-bs';

/** From the folder where npm runs: benches are compiled to another place than the tests. */
const builtOf = (project: JavaProject): string => resolve('.cache', project);
const jarOf = (project: JavaProject): string => `${builtOf(project)}/${project}-peer.jar`;

export const javaInstallLine = (project: JavaProject): string =>
  `apt-get install default-jdk-headless maven && mvn -B -q -f test/peers/${project}/pom.xml package`;

export function javaAvailable(project: JavaProject): boolean {
  return existsSync(jarOf(project)) && isOnPath('java');
}

/** Arguments of `java` for a program of a project; it logs warnings only. @param heapMb at most */
export function javaProgram(project: JavaProject, name: string, heapMb: number): readonly string[] {
  return [
    `-Xmx${heapMb}m`,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    `${jarOf(project)}:${builtOf(project)}/lib/*`,
    name,
  ];
}

/** The same for a server, which is to start soon and to be small rather than to be fast in the end. */
export function javaServer(project: JavaProject, name: string): readonly string[] {
  return ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...javaProgram(project, name, 128)];
}
