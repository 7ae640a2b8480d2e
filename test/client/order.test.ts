import { expect, test } from 'vitest';
import { type Place, takeTurns } from '../../src/client/order.ts';

const place = (name: string, of: Partial<Place> = {}): Place & { readonly name: string } => ({
  name,
  priority: undefined,
  blocks: false,
  bootstrapsOnFailure: true,
  progress: 'idle',
  ...of,
});

const startOf = (...places: ReturnType<typeof place>[]): string[] =>
  takeTurns(places).start.map(({ name }) => name);
const isHopeless = (...places: ReturnType<typeof place>[]): boolean => takeTurns(places).isHopeless;

test('servers without a place in the order are registered with at once (1.2.2 6.2.1)', () => {
  expect(startOf(place('a'), place('b'), place('c', { priority: 1 }))).toEqual(['a', 'b', 'c']);
});

test('X30 the next in order waits until the one before has registered or failed', () => {
  const second = place('second', { priority: 7 });
  expect(startOf(second, place('first', { priority: 1, progress: 'trying' }))).toEqual([]);
  expect(startOf(second, place('first', { priority: 1, progress: 'registered' }))).toEqual(['second']);
  expect(startOf(second, place('first', { priority: 1, progress: 'failed' }))).toEqual(['second']);
});

test('X30 a server that blocks and cannot be reached keeps those after it from being tried', () => {
  const blocking = place('first', { priority: 1, progress: 'failed', blocks: true });
  expect(startOf(place('second', { priority: 7 }), blocking)).toEqual([]);
  expect(isHopeless(place('second', { priority: 7 }), blocking)).toBe(true);
});

test('a bootstrap is due when nobody is left to try and one that failed asks for it', () => {
  const gone = place('gone', { progress: 'failed' });
  expect(isHopeless(gone)).toBe(true);
  expect(isHopeless(gone, place('other', { progress: 'registered' }))).toBe(false);
  expect(isHopeless(gone, place('other', { progress: 'trying' }))).toBe(false);
  expect(isHopeless(gone, place('other', { progress: 'idle' }))).toBe(false);
  expect(isHopeless(place('gone', { progress: 'failed', bootstrapsOnFailure: false }))).toBe(false);
});

test('without any server there is no failed one: who has none asks by itself', () => {
  expect(takeTurns([])).toEqual({ start: [], isHopeless: false });
});
