const ENDING = ['SIGINT', 'SIGTERM'] as const;

/** Resolves at Ctrl-C, SIGTERM or when `signal` says so. */
export function untilEnded(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      for (const name of ENDING) process.off(name, end);
      resolve();
    };
    for (const name of ENDING) process.once(name, end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
