import type { Part } from '../../src/observe/index.ts';

/** What a reporter keeps of a part, before it has begun. */
export const UNTOLD: Omit<Part, 'rules' | 'value' | 'sample'> = {
  reported: undefined,
  reportedAt: 0,
  sampled: undefined,
  evaluatedAt: 0,
  askedAt: 0,
  isUnseen: false,
  isPending: false,
};
