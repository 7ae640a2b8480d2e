import { randomInt } from 'node:crypto';

const CHANCES = 2 ** 47;

/**
 * Chance that nobody foresees, 0 <= random() < 1. What a stranger must not guess comes from it, such as CoAP tokens
 * (RFC 7252 5.3.1), and so does everything else: Node draws it from a pool, at some 30 ns each.
 */
export const systemRandom = (): number => randomInt(CHANCES) / CHANCES;
