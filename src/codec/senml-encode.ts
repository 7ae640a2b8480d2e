import type { Entry } from '../model/index.ts';
import { fault } from './fault.ts';
import { layoutOf } from './senml-layout.ts';
import { FIRST_ABSOLUTE_S, type SenmlWriter } from './senml-record.ts';

/** Whole ms since 1970, 0 for "now". @throws GatewayError `codec.not-representable` for what SenML takes as relative */
export function timeOf(at: number | undefined): number {
  if (at === undefined) return 0;
  const time = Math.round(at);
  if (time >= FIRST_ABSOLUTE_S * 1000 && Number.isSafeInteger(time)) return time;
  throw fault('not-representable', `${at} ms since 1970 is no absolute time in SenML`);
}

/** Writes entries in their order. Names are relative to base names (`/d01/3303/0/`), times to the first one. */
export function encodePack(writer: SenmlWriter, entries: readonly Entry[], withTime: boolean): Uint8Array {
  writer.open(entries.length);
  let baseMs = 0;
  for (const { from, to, base } of layoutOf(entries)) {
    for (let index = from; index < to; index++) {
      const entry = entries[index];
      if (entry === undefined) continue;
      // 0 means "now", which a base time in force would turn into something else.
      const ms = withTime ? timeOf(entry.at) : 0;
      const rebase = ms !== baseMs && (ms === 0 || baseMs === 0);
      const relative = rebase || ms === baseMs ? undefined : ms - baseMs;
      if (rebase) baseMs = ms;
      writer.record(entry, index === from ? base : -1, base, rebase ? ms : undefined, relative);
    }
  }
  return writer.close();
}
