// A value that changes, and those that look at it: all the state that pages share is held in these.
// Invariant: whoever looks is told after the value is set, once for each change.
import { useEffect, useState } from "preact/hooks";

/** A value that can be looked at as it changes. */
export interface Observable<T> {
  readonly value: T;
  set(value: T): void;
  /** Calls back at each change; gives what ends that. */
  watch(listener: (value: T) => void): () => void;
}

/** Makes one. */
export function observable<T>(initial: T): Observable<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get value() {
      return value;
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value now; the component is drawn anew when it changes. */
export function useObservable<T>(source: Observable<T>): T {
  const [value, setValue] = useState(source.value);
  useEffect(() => {
    setValue(source.value);
    return source.watch(setValue);
  }, [source]);
  return value;
}
