// What the page says in passing, to eyes and to screen readers alike.
// Invariant: one notice at a time; it goes by itself, and an error stays longer.
import { observable } from "./observable.ts";
import { act } from "./server.ts";
import type { Done } from "../shapes.ts";

export interface Notice {
  readonly text: string;
  readonly isError: boolean;
}

export const notice = observable<Notice | null>(null);

const SHOWN_MS = { plain: 4000, error: 12_000 };
let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows a notice. */
export function say(text: string, isError = false): void {
  clearTimeout(timer);
  notice.set({ text, isError });
  timer = setTimeout(() => notice.set(null), isError ? SHOWN_MS.error : SHOWN_MS.plain);
}

/** Takes the notice away. */
export function hush(): void {
  notice.set(null);
}

/** Asks the server for a deed and says what came of it; gives whether it was done. */
export async function perform(
  path: string,
  done: string,
  body: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  try {
    const { note } = await act<Done>(path, body);
    say(note === null ? done : `${done} ${note}`);
    return true;
  } catch (thrown) {
    say(thrown instanceof Error ? thrown.message : String(thrown), true);
    return false;
  }
}
