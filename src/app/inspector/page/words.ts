// How the page says figures, times and names of states.
// Invariant: short enough for a row; what is unknown is a dash, never a zero.
import type { TokenUsage } from "../../../core/model.ts";

/** `1,234`, `12.3k`, `4.5M`. */
export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString("en");
  if (value < 1_000_000) return `${trim(value / 1000)}k`;
  return `${trim(value / 1_000_000)}M`;
}

/** US dollars: cents, or two digits of what is less than one: `$12.30`, `$0.23`, `$0.0082`. */
export function dollars(value: number | null): string {
  if (value === null) return "–";
  if (value === 0) return "$0";
  return `$${value < 0.1 ? value.toPrecision(2) : value.toFixed(2)}`;
}

/** Whether a figure, as it is said, is none: it is shown quietly then. */
export function isNone(value: string): boolean {
  return value === "0" || value === "$0";
}

/** All tokens of a usage. */
export function tokenSum({ input, output, cacheRead, cacheWrite }: TokenUsage): number {
  return input + output + cacheRead + cacheWrite;
}

/** A usage in words, for who wants to know it in full. */
export function tokenWords({ input, output, cacheRead, cacheWrite }: TokenUsage): string {
  const cache =
    cacheRead + cacheWrite === 0
      ? ""
      : `, ${count(cacheRead)} read from and ${count(cacheWrite)} written to the cache`;
  return `${count(input)} tokens in, ${count(output)} out${cache}`;
}

/** `340 ms`, `2.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${trim(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** How long ago, roughly. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

/** Time of day, with the date where it is not today's. */
export function clock(at: number): string {
  const time = new Date(at);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? time.toLocaleTimeString() : time.toLocaleString();
}

/** A size in bytes. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  return value < 1024 ** 2 ? `${trim(value / 1024)} KiB` : `${trim(value / 1024 ** 2)} MiB`;
}

/** `1 task`, `2 tasks`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

const STATE_WORDS: Readonly<Record<string, string>> = {
  "awaiting-approval": "awaiting approval",
  "serving.accepting": "serving",
  "serving.paused": "paused",
  "serving.draining": "draining",
};

/** A state as people call it. */
export function stateWords(state: string): string {
  return (
    STATE_WORDS[state] ??
    state
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .replaceAll(".", " · ")
      .toLowerCase()
  );
}

const HUES: Readonly<Record<string, string>> = {
  waiting: "idle",
  queued: "idle",
  preparing: "idle",
  stopped: "idle",
  skipped: "idle",
  choosing: "think",
  routing: "think",
  recalling: "think",
  generating: "think",
  running: "work",
  executing: "work",
  handling: "work",
  judging: "work",
  reviewing: "work",
  settling: "work",
  repairing: "mend",
  awaitingApproval: "ask",
  "awaiting-approval": "ask",
  approval: "ask",
  pending: "ask",
  serving: "good",
  accepting: "good",
  done: "good",
  success: "good",
  approved: "good",
  up: "good",
  paused: "mend",
  draining: "mend",
  finishing: "mend",
  silent: "mend",
  stopping: "mend",
  backingOff: "bad",
  crashed: "bad",
  failed: "bad",
  failure: "bad",
  rejected: "bad",
  expired: "bad",
  gone: "bad",
};

/** The colour of a state, a status or a standing, as a class of the style sheet. */
export function hueOf(state: string | null): string {
  if (state === null) return "hue-idle";
  const parts = state.split(".");
  return `hue-${HUES[state] ?? HUES[parts.at(-1) ?? ""] ?? HUES[parts[0] ?? ""] ?? "idle"}`;
}

function trim(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, "");
}
