/** observe: when a change is worth a notification. Knows neither values nor servers, only decisions and one timer. */
export type { Watched } from './decide.ts';
export type { Part, ReporterPorts, Subject } from './reporter.ts';
export { Reporter } from './reporter.ts';
export type { Rules } from './rules.ts';
export { rulesOf } from './rules.ts';
