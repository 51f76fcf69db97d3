// How long a request waits for a result before it is answered with where to find it: RFC 7240's `Prefer`, or `?wait=`.
// Invariant: what is waited for goes on whether or not anybody waits.
import type { Closing } from "./closing.ts";

/** What a request asks for. */
export interface Waiting {
  readonly ms: number;
  /** Which of the client's preferences is followed; null where it has none. */
  readonly applied: string | null;
}

/** How long requests wait. */
export interface WaitBounds {
  readonly defaultS: number;
  readonly mostS: number;
}

/** Reads what a request asks for; `query` is a number of seconds, and goes before the header. */
export function readWaiting(
  { prefer, query }: { readonly prefer: string | undefined; readonly query: string | undefined },
  { defaultS, mostS }: WaitBounds,
): Waiting {
  if (query !== undefined) return { ms: Math.min(Number(query), mostS) * 1000, applied: null };
  const preferences = (prefer ?? "").split(",").map((one) => one.trim().toLowerCase());
  const [, wait] =
    /^wait\s*=\s*"?(\d{1,9})"?$/.exec(preferences.find((one) => /^wait\b/.test(one)) ?? "") ?? [];
  if (wait !== undefined) {
    const seconds = Math.min(Number(wait), mostS);
    return { ms: seconds * 1000, applied: `wait=${seconds}` };
  }
  if (preferences.includes("respond-async")) return { ms: 0, applied: "respond-async" };
  return { ms: defaultS * 1000, applied: null };
}

/** What work gives within a time; null where it takes longer, its asker is gone, or the service ends. */
export async function within<T>(
  work: Promise<T>,
  { ms, gone, closing }: { readonly ms: number; readonly gone: AbortSignal; readonly closing: Closing },
): Promise<{ readonly value: T } | null> {
  let give: () => void = () => undefined;
  const over = new Promise<null>((resolve) => (give = () => resolve(null)));
  const timer = setTimeout(give, ms);
  const forget = closing.onOver(give);
  gone.addEventListener("abort", give, { once: true });
  try {
    return await Promise.race([work.then((value) => ({ value })), over]);
  } finally {
    clearTimeout(timer);
    forget();
    gone.removeEventListener("abort", give);
  }
}
