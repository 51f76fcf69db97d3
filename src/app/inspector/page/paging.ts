// A list that is read page by page, narrowed down, and kept up to date.
// Invariant: a row is in it once, by its key; what came of another question than the last one is thrown away.
import { useEffect, useRef, useState } from "preact/hooks";
import { epoch } from "./live.ts";
import { useObservable } from "./observable.ts";
import { isLocked, read, RequestError } from "./server.ts";

/** A page of a list, as the server gives it, under whatever name its rows have. */
interface Page<T> {
  readonly rows: readonly T[];
  readonly total: number;
  readonly isWhole: boolean;
  readonly cursor: string | null;
}

/** A list as far as it was read. */
export interface Paging<T> {
  readonly rows: readonly T[];
  readonly total: number;
  /** Whether `total` is all there is. */
  readonly isWhole: boolean;
  /** Whether anything has been read. */
  readonly isRead: boolean;
  readonly error: RequestError | null;
  readonly change: (edit: (row: T) => T) => void;
  readonly more: () => void;
  /** Reads the first page again and puts it before the rest. */
  readonly refresh: () => void;
}

const LIMIT = 200;
const REFRESH_MS = 300;
const NOT_WHOLE_MS = 1000;

/** Reads the list `path`, whose rows the server calls `name`. */
export function usePaging<T>(
  path: string,
  {
    name,
    keyOf,
    filter,
  }: { name: string; keyOf: (row: T) => string; filter: Readonly<Record<string, string>> },
): Paging<T> {
  const question = JSON.stringify([path, filter]);
  const [held, setHeld] = useState<(Page<T> & { readonly question: string }) | null>(null);
  const [error, setError] = useState<RequestError | null>(null);
  const missed = useObservable(epoch);
  const locked = useObservable(isLocked);
  const asked = useRef(question);
  const isReading = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  asked.current = question;

  const readPage = async (cursor: string | null) => {
    if (isReading.current && cursor !== null) return;
    isReading.current = true;
    try {
      const given = await read<Omit<Page<T>, "rows"> & Record<string, unknown>>(path, {
        ...filter,
        limit: LIMIT,
        cursor,
      });
      if (asked.current !== question) return;
      const page = { ...given, isWhole: given.isWhole ?? true, rows: given[name] as readonly T[] };
      setError(null);
      setHeld((now) => merge(now?.question === question ? now : null, { page, cursor, question, keyOf }));
      if (!page.isWhole) refresh(NOT_WHOLE_MS);
    } catch (thrown) {
      if (asked.current === question && thrown instanceof RequestError) setError(thrown);
    } finally {
      isReading.current = false;
    }
  };
  const refresh = (delayMs = REFRESH_MS) => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void readPage(null);
    }, delayMs);
  };
  useEffect(() => {
    if (!locked) void readPage(null);
    return () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [question, missed, locked]);

  return {
    rows: held?.rows ?? [],
    total: held?.total ?? 0,
    isWhole: held?.isWhole ?? false,
    isRead: held !== null,
    error,
    change: (edit) => setHeld((now) => (now === null ? null : { ...now, rows: now.rows.map(edit) })),
    more: () => {
      if (held !== null && held.question === question && held.cursor !== null) void readPage(held.cursor);
    },
    refresh,
  };
}

function merge<T>(
  held: (Page<T> & { readonly question: string }) | null,
  read: { page: Page<T>; cursor: string | null; question: string; keyOf: (row: T) => string },
): Page<T> & { readonly question: string } {
  const { page, cursor, question, keyOf } = read;
  if (held === null) return { ...page, question };
  const fresh = new Set(page.rows.map(keyOf));
  const others = held.rows.filter((row) => !fresh.has(keyOf(row)));
  if (cursor !== null)
    return { ...page, rows: [...held.rows.filter((row) => !fresh.has(keyOf(row))), ...page.rows], question };
  // The first page again: where it is all there is, what is not in it is gone.
  if (page.cursor === null || others.length === 0) return { ...page, question };
  const wasOne = held.rows.length <= page.rows.length;
  return { ...page, rows: [...page.rows, ...others], cursor: wasOne ? page.cursor : held.cursor, question };
}
