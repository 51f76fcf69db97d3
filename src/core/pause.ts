// A pause that ends early once nobody wants it any more.
import type { Clock } from "./clock.ts";

/** Resolves after so many milliseconds, or as soon as the signal is aborted. */
export async function pause(
  delayMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimeout(end, delayMs);
    signal.addEventListener("abort", end, { once: true });
  });
}
