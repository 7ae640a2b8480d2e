import type { Service } from '../client/index.ts';
import type { BodySink, OpenBody } from '../coap/index.ts';
import { pathFromSegments } from '../model/index.ts';
import { refusal } from './refusal.ts';
import { RESPONSE_CODES } from './statuses.ts';

const OPAQUE = 42;

/** Values that are written as they are, e.g. a firmware package, need not be here whole before they are taken. */
export function createBodyOpener(service: Service): OpenBody {
  return ({
    method,
    contentFormat,
    path: segments,
    size,
  }): BodySink | ReturnType<typeof refusal> | undefined => {
    if (method !== 'PUT' || contentFormat !== OPAQUE) return undefined;
    const path = pathFromSegments(segments);
    const sink = path === undefined ? undefined : service.openSink(path, size);
    if (sink === undefined) return undefined;
    if ('status' in sink) return refusal(sink);
    return {
      mostBytes: sink.mostBytes,
      async write(chunk) {
        const refused = await sink.write(chunk);
        return refused === undefined ? undefined : refusal(refused);
      },
      async end() {
        const outcome = await sink.end();
        return outcome.status === 'done' ? { code: RESPONSE_CODES.changed } : refusal(outcome);
      },
      abort: () => sink.abort(),
    };
  };
}
