// How long a request waits for a result before it is answered with where to find it: RFC 7240's `Prefer`, or `?wait=`.
// Invariant: what is waited for goes on whether or not anybody waits.
import { defer } from "../../core/deferred.ts";
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

/** How long something is waited for. */
export interface WaitTerms {
  readonly ms: number;
  /** Aborted once the asker is gone. */
  readonly gone: AbortSignal;
  readonly closing: Closing;
}

/** What work gives within a time; null where it takes longer, its asker is gone, or the service ends. */
export async function within<T>(
  work: Promise<T>,
  { ms, gone, closing }: WaitTerms,
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

/** How often it is looked for what may not be told, in milliseconds. */
const LOOK_MS = 1_000;

/** What there is once there is something: looks now, whenever something is heard, and now and then; null as `within`. */
export async function foundWithin<T>(
  look: () => Promise<T | null>,
  { hear, ...bounds }: WaitTerms & { readonly hear: (wake: () => void) => () => void },
): Promise<T | null> {
  const { promise, resolve, reject } = defer<T>();
  let looking: Promise<void> | null = null;
  let isStale = false;
  const lookOn = async (): Promise<void> => {
    do {
      isStale = false;
      const value = await look();
      if (value !== null) resolve(value);
    } while (isStale);
    looking = null;
  };
  const wake = (): void => {
    isStale = true;
    looking ??= lookOn().catch(reject);
  };
  const unhear = hear(wake);
  const timer = setInterval(wake, LOOK_MS);
  wake();
  try {
    return (await within(promise, bounds))?.value ?? null;
  } finally {
    unhear();
    clearInterval(timer);
  }
}
