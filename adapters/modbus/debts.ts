import type { Clock } from 'lwm2m-gateway/adapter';
import { type Echo, looksLikeReply } from './line-exchange.ts';
import { isWrite, type Request } from './pdu.ts';

/** Who may still answer a request that was given up, and what shows that he will not. */
export interface Debts {
  /** This request to the unit was given up: its reply may come late. */
  owes(unit: number, request: Request): void;
  /** The unit has answered this, or refused it: it owes nothing if it was asked for that. */
  answered(unit: number, request: Request, isRefused: boolean): void;
  /** ms until the unit may be asked at all. */
  waitMs(unit: number): number;
  /** What has to be asked before the request, so that its answer can be believed. */
  preliminaries(unit: number, request: Request): readonly Request[];
}

interface Debt {
  /** until when a late reply is to be feared */
  readonly until: number;
  /** It was asked to repeat a number, and was silent. */
  isSilent: boolean;
  /** Only time settles it: a refusal bears no number, and may be the late one of a request before. */
  readonly isHidden: boolean;
}

/** libmodbus takes half a second to get over a function that it does not know. */
const MOST_REST_MS = 1000;

/** @param windowMs after which a unit that says nothing else is believed again */
export function createDebts(windowMs: number, echo: Readonly<Echo>, clock: Clock): Debts {
  const debts = new Map<number, Debt>();
  const repeating = new Set<number>();
  const refusing = new Set<number>();
  /** until when a refusal to repeat a number may come late, by unit */
  const strays = new Map<number, number>();
  /** The end of the window, in which a silent unit is left alone: what it does not know may have disturbed it. */
  const restMs = Math.min(MOST_REST_MS, windowMs / 2);
  let token = 0;

  const debtOf = (unit: number): Debt | undefined => {
    const debt = debts.get(unit);
    if (debt === undefined || debt.until > clock.monotonic()) return debt;
    debts.delete(unit);
    return undefined;
  };

  const mayStray = (unit: number): boolean => (strays.get(unit) ?? 0) > clock.monotonic();

  return {
    owes(unit, { function: code }) {
      const debt = debtOf(unit);
      const until = clock.monotonic() + windowMs;
      if (code === 8) strays.set(unit, until);
      // A late repetition has a number of its own and is taken for nothing else. So for a unit that may never repeat
      // one, the window does not begin anew, or it would have no end.
      if (code !== 8)
        debts.set(unit, { until, isSilent: false, isHidden: refusing.has(unit) && mayStray(unit) });
      else if (repeating.has(unit) || refusing.has(unit))
        debts.set(unit, { until, isSilent: false, isHidden: false });
      else if (debt !== undefined) debt.isSilent = true;
    },
    answered(unit, request, isRefused) {
      if (request.function !== 8) return;
      (isRefused ? refusing : repeating).add(unit);
      // If this was the late one, that of the request itself is still to come.
      if (isRefused && mayStray(unit)) strays.set(unit, clock.monotonic() + windowMs);
      debts.delete(unit);
    },
    waitMs(unit) {
      const debt = debtOf(unit);
      if (debt === undefined) return 0;
      const leftMs = debt.until - clock.monotonic();
      return debt.isHidden || (debt.isSilent && leftMs <= restMs) ? leftMs : 0;
    },
    preliminaries(unit, request) {
      const first: Request[] = [];
      const isFeared = debtOf(unit) !== undefined;
      // An acknowledgement of a single write cannot be told from an echo: a read can.
      if (echo.isThere === undefined && (isFeared || looksLikeReply(request))) {
        const address = isWrite(request) ? request.address : 0;
        first.push({ function: isBitWrite(request) ? 1 : 3, address, count: 1 });
      }
      if (isFeared) {
        token = (token + 1) & 0xffff;
        first.push({ function: 8, token });
      }
      return first;
    },
  };
}

function isBitWrite(request: Request): boolean {
  return request.function === 5 || request.function === 15;
}
