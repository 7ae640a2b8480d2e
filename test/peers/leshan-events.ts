import type { LeshanEventData } from './leshan-shapes.ts';

export interface LeshanEvents {
  /**
   * The next event of this name that `matches`; those before it are passed over. Rejects after `deadlineMs` with the
   * names of the events passed over.
   */
  next<Name extends keyof LeshanEventData>(
    name: Name,
    deadlineMs: number,
    matches?: (data: LeshanEventData[Name]) => boolean,
  ): Promise<LeshanEventData[Name]>;
  close(): void;
}

interface KeptEvent {
  readonly name: string;
  readonly data: unknown;
}

/** Server-sent events, kept until somebody waits for them. */
export async function listen(url: string): Promise<LeshanEvents> {
  const abort = new AbortController();
  const response = await fetch(url, { signal: abort.signal });
  if (response.body === null) throw new Error(`${url} has no body`);
  const text = response.body.pipeThrough(new TextDecoderStream());
  const kept: KeptEvent[] = [];
  let wake = (): void => {};

  const receive = async (): Promise<void> => {
    let rest = '';
    for await (const chunk of text) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      kept.push(...blocks.flatMap(eventOf));
      wake();
    }
  };
  receive().catch(() => {}); // closed, or the server has ended: whoever waits runs into the deadline

  const next: LeshanEvents['next'] = async (name, deadlineMs, matches = () => true) => {
    type Data = LeshanEventData[typeof name];
    const passed: string[] = [];
    const deadline = AbortSignal.timeout(deadlineMs);
    for (;;) {
      for (let one = kept.shift(); one !== undefined; one = kept.shift()) {
        if (one.name === name && matches(one.data as Data)) return one.data as Data;
        passed.push(one.name);
      }
      if (deadline.aborted) {
        throw new Error(`no ${name} within ${deadlineMs} ms, but: ${passed.join(', ') || 'nothing'}`);
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  };
  return { next, close: () => abort.abort() };
}

function eventOf(block: string): readonly KeptEvent[] {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(block) ?? [];
  return name === undefined || data === undefined ? [] : [{ name, data: JSON.parse(data) }];
}
