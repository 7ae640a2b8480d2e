import type { Clock } from 'lwm2m-gateway/adapter';
import { type Echo, looksLikeReply } from './line-exchange.ts';
import { isWrite, type Request } from './pdu.ts';

/** Who may still answer a request that was given up, and what shows that he will not. */
export interface Debts {
  /** A request to the unit was given up: its reply may come late. */
  owes(unit: number): void;
  /** The unit has answered this: it owes nothing if it was asked for that. */
  answered(unit: number, request: Request): void;
  /** What has to be asked before the request, so that its answer can be believed. */
  preliminaries(unit: number, request: Request): readonly Request[];
}

/** @param windowMs after which a unit that says nothing else is believed again */
export function createDebts(windowMs: number, echo: Readonly<Echo>, clock: Clock): Debts {
  /** until when a late reply of a unit is to be feared */
  const owing = new Map<number, number>();
  let token = 0;

  const mayOwe = (unit: number): boolean => {
    if ((owing.get(unit) ?? 0) > clock.monotonic()) return true;
    owing.delete(unit);
    return false;
  };

  return {
    owes(unit) {
      owing.set(unit, clock.monotonic() + windowMs);
    },
    answered(unit, request) {
      if (request.function === 8) owing.delete(unit);
    },
    preliminaries(unit, request) {
      const first: Request[] = [];
      const isFeared = mayOwe(unit);
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
