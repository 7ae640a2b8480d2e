/** observe: when a change is worth a notification. Knows neither values nor servers, only decisions and one timer. */
export type { Watched } from './decide.ts';
export type { Reporter, Subject } from './reporter.ts';
export { createReporter } from './reporter.ts';
