// Findings: what a researcher gives, and the check that its sources are real.
// Invariant: a source passes only if a tool returned it in the very task; what a model remembers is no source.
import { z } from "zod";
import type { PromptAgent } from "./agent.ts";
import { visitLeaves } from "./leaves.ts";
import type { Profile } from "./profile.ts";
import type { Schema, Validation } from "./schema.ts";

/** What a researcher gives where its agent has no output schema of its own. */
export const findingsSchema = z.object({
  findings: z
    .array(
      z.object({
        claim: z.string().min(1).describe("one sentence"),
        sources: z.array(z.string().min(1)).min(1).describe("as the tools returned them"),
      }),
    )
    .min(1),
});

/** Findings with their sources. */
export type Findings = z.infer<typeof findingsSchema>;

/** What the output of a task must be: the agent's own schema, else what the profile gives by itself. */
export function outputSchemaOf(agent: PromptAgent, profile: Profile): Schema | undefined {
  return agent.output ?? (profile.name === "researcher" ? findingsSchema : undefined);
}

/** A source of fewer characters must be a whole value that a tool returned, and not stand inside one. */
const LEAST_WITHIN = 8;
const MAX_DATA = 20_000_000;
const SHOWN = 5;

/**
 * Checks that each source of an output's findings stands in what the tools of its task returned: as a whole value, or
 * (from eight characters on) within a text. An output of another form has no sources to check, and passes.
 */
export function checkFindings(output: unknown, toolReturns: readonly unknown[]): Validation<unknown> {
  const parsed = findingsSchema.safeParse(output);
  if (!parsed.success) return { ok: true, value: output };
  const texts = new Set<string>();
  const note = (leaf: number | bigint | string) => texts.add(plain(String(leaf)));
  visitLeaves(toolReturns, { leaf: note, key: note }, { left: MAX_DATA });
  const problems = parsed.data.findings.flatMap(({ claim, sources }, index) =>
    sources
      .filter((source) => !isReturned(plain(source), texts))
      .map(
        (source) =>
          `Finding ${index + 1} (${shorten(claim)}) names the source ${shorten(source)}, which no tool returned.`,
      ),
  );
  if (problems.length === 0) return { ok: true, value: output };
  const known = [...texts].filter((text) => /^[a-z]+:\/\/\S+$/i.test(text)).slice(0, SHOWN);
  const hint = [
    "Take each source from what the tools return, exactly as it is there, and drop claims that have none.",
    texts.size === 0 ? "No tool returned anything in this task: call the tools." : "",
    known.length === 0 ? "" : `Among what they returned: ${known.map(shorten).join(", ")}.`,
  ];
  return { ok: false, problem: [...problems.slice(0, 20), hint.filter(Boolean).join(" ")].join("\n") };
}

function isReturned(source: string, texts: ReadonlySet<string>): boolean {
  if (source === "") return false;
  if (texts.has(source)) return true;
  if (source.length < LEAST_WITHIN) return false;
  for (const text of texts) if (standsIn(text, source)) return true;
  return false;
}

/** Whether a source stands in a text on its own, and not as the beginning of a longer one. */
function standsIn(text: string, source: string): boolean {
  for (let at = text.indexOf(source); at >= 0; at = text.indexOf(source, at + 1)) {
    const rest = text.slice(at + source.length, at + source.length + 2);
    const isFree = !/[\p{L}\p{N}]$/u.test(text.slice(Math.max(0, at - 2), at));
    if (isFree && !/^(?:[\p{L}\p{N}/_-]|[.?#=&%][\p{L}\p{N}])/u.test(rest)) return true;
  }
  return false;
}

function plain(text: string): string {
  return text.normalize("NFC").replace(/\s+/g, " ").trim();
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
