/** How far the registration with one server has come, as far as others have to know. */
export interface Place {
  /** 1/x/13; undefined: in parallel to all others */
  readonly priority: number | undefined;
  /** 1/x/15: while it cannot be reached, none after it is tried */
  readonly blocks: boolean;
  /** 1/x/16 */
  readonly bootstrapsOnFailure: boolean;
  readonly progress: 'idle' | 'trying' | 'registered' | 'failed';
}

export interface Turn<Account> {
  /** Those to register with now. */
  readonly start: readonly Account[];
  /** Nothing is left that could lead to a registration: time to ask the Bootstrap-Server. */
  readonly isHopeless: boolean;
}

/**
 * Whose turn it is (OMA Core 1.2.2 6.2.1, Registration Priority Order): accounts without a place start at once;
 * the others one after the other, each when the one before has registered, or failed without blocking those after it.
 */
export function takeTurns<Account extends Place>(accounts: readonly Account[]): Turn<Account> {
  const start = accounts.filter(({ priority, progress }) => priority === undefined && progress === 'idle');
  const queue = accounts
    .filter(({ priority }) => priority !== undefined)
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
  let isBlocked = false;
  for (const account of queue) {
    if (account.progress === 'registered') continue;
    if (account.progress === 'failed' && !account.blocks) continue;
    if (account.progress === 'idle') start.push(account);
    isBlocked = account.progress === 'failed';
    break;
  }
  const isBusy = accounts.some(({ progress }) => progress === 'trying') || start.length > 0;
  const isServed = accounts.some(({ progress }) => progress === 'registered');
  const wants = accounts.some(
    ({ progress, bootstrapsOnFailure }) => progress === 'failed' && bootstrapsOnFailure,
  );
  return { start, isHopeless: wants && !isBusy && (isBlocked || !isServed) };
}
