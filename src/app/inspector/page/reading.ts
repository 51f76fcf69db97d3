// Reads what a page shows, and reads it again when the server says that something may have been missed.
// Invariant: an answer that comes after its question was given up is thrown away.
import { useEffect, useState } from "preact/hooks";
import type { InspectorEvent } from "../shapes.ts";
import { epoch, onEvent } from "./live.ts";
import { useObservable } from "./observable.ts";
import { isLocked, read, RequestError } from "./server.ts";

/** What has been read so far. */
export interface Reading<T> {
  readonly value: T | null;
  /** Why it could not be read; null where it was, or will be. */
  readonly error: RequestError | null;
  readonly change: (edit: (value: T) => T) => void;
  readonly again: () => void;
}

type Parameters = Readonly<Record<string, string | number | null | undefined>>;

/** Reads something below `api/`, anew whenever the question changes. */
export function useReading<T>(path: string, parameters: Parameters = {}): Reading<T> {
  const [held, setHeld] = useState<{ readonly question: string; readonly value: T } | null>(null);
  const [error, setError] = useState<RequestError | null>(null);
  const [turn, setTurn] = useState(0);
  const missed = useObservable(epoch);
  const locked = useObservable(isLocked);
  const question = `${path} ${JSON.stringify(parameters)}`;
  useEffect(() => {
    if (locked) return;
    const asked = new AbortController();
    read<T>(path, parameters, asked.signal).then(
      (value) => {
        if (asked.signal.aborted) return;
        setHeld({ question, value });
        setError(null);
      },
      (thrown: unknown) => {
        // A server that is away is said by the banner, and read again when it is back.
        if (!asked.signal.aborted && thrown instanceof RequestError) setError(thrown);
      },
    );
    return () => asked.abort();
  }, [question, missed, turn, locked]);
  return {
    value: held !== null && held.question.startsWith(`${path} `) ? held.value : null,
    error,
    change: (edit) => setHeld((now) => (now === null ? null : { ...now, value: edit(now.value) })),
    again: () => setTurn((before) => before + 1),
  };
}

/** Calls back at each event while the component is shown. */
export function useEvents(listener: (event: InspectorEvent) => void, inputs: readonly unknown[]): void {
  useEffect(() => onEvent(listener), [...inputs]);
}

/** The time, told anew each second. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
