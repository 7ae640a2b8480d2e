import { describe, expect, test } from 'vitest';
import { createSignal } from '../../src/base/index.ts';

describe('a signal', () => {
  test('reaches its listeners in the order they came', () => {
    const signal = createSignal<number>();
    const heard: string[] = [];
    signal.subscribe((event) => heard.push(`a${event}`));
    signal.subscribe((event) => heard.push(`b${event}`));
    signal.emit(1);
    signal.emit(2);
    expect(heard).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  test('reaches one function as often as it subscribed', () => {
    const signal = createSignal<number>();
    const heard: number[] = [];
    const listener = (event: number) => heard.push(event);
    const leave = signal.subscribe(listener);
    signal.subscribe(listener);
    signal.emit(1);
    leave();
    leave();
    signal.emit(2);
    expect(heard).toEqual([1, 1, 2]);
  });

  test('does not reach one that leaves during the event', () => {
    const signal = createSignal<number>();
    const heard: string[] = [];
    signal.subscribe(() => leave());
    const leave = signal.subscribe(() => heard.push('gone'));
    signal.emit(1);
    expect(heard).toEqual([]);
  });

  test('reaches one that comes during an event from the next one on', () => {
    const signal = createSignal<number>();
    const heard: string[] = [];
    const join = (event: number): void => {
      heard.push(`early ${event}`);
      signal.subscribe((later) => heard.push(`late ${later}`));
    };
    const leave = signal.subscribe((event) => {
      leave();
      join(event);
    });
    signal.emit(1);
    signal.emit(2);
    expect(heard).toEqual(['early 1', 'late 2']);
  });
});
