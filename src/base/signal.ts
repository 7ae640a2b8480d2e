import type { Cancel } from './clock.ts';

/** Something that happens, and those who want to know. */
export interface Signal<T> {
  /** Hears every later event until cancelled. */
  subscribe(listener: (event: T) => void): Cancel;
  emit(event: T): void;
}

/**
 * Listeners are called in the order they came. One that leaves during an event is not called any more; one that comes
 * during an event hears the next.
 */
export function createSignal<T>(): Signal<T> {
  const listeners = new Set<(event: T) => void>();
  return {
    subscribe(listener) {
      const own = (event: T): void => listener(event);
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    emit(event) {
      for (const listener of [...listeners]) if (listeners.has(listener)) listener(event);
    },
  };
}
