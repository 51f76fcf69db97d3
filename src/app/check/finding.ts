// What a check found, and how it is told. A finding that fails says how to mend it.

/** `absent`: it is not there and need not be. */
export type FindingStatus = "ok" | "warning" | "failed" | "absent";

/** What one check found. */
export interface Finding {
  readonly name: string;
  readonly status: FindingStatus;
  /** A version, a path, or what is wrong and how to mend it; may have several lines. */
  readonly detail: string;
}

const WORDS = { ok: "OK", warning: "WARNING", failed: "FAILED" } as const;

/** Colours for the words of a finding. */
export type Paint = Readonly<Record<"green" | "yellow" | "red" | "dim", (text: string) => string>>;

/** A finding as a line, such as ` Node version: OK (20.20.2)`; further lines of its detail go below it. */
export function describeFinding({ name, status, detail }: Finding, paint: Paint): string {
  const [first = "", ...rest] = detail.split("\n");
  const line = ` ${name}: ${outcome(status, first, paint)}`;
  return [line, ...rest.map((text) => `   ${text}`)].join("\n");
}

function outcome(status: FindingStatus, detail: string, paint: Paint): string {
  if (status === "absent") return paint.dim(detail);
  const colour = { ok: paint.green, warning: paint.yellow, failed: paint.red }[status];
  return `${colour(WORDS[status])}${status === "ok" ? ` (${detail})` : `: ${detail}`}`;
}

/** Makes findings of one name. */
export function findingsOf(name: string) {
  return {
    ok: (detail: string): Finding => ({ name, status: "ok", detail }),
    warning: (detail: string): Finding => ({ name, status: "warning", detail }),
    failed: (detail: string): Finding => ({ name, status: "failed", detail }),
    absent: (detail: string): Finding => ({ name, status: "absent", detail }),
  };
}
