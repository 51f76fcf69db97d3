// What a step of a workflow may look like, for programs and for files alike.
// Invariant: it says what is wrong and at which path; what steps are to each other is dag.ts's to check.
import { z } from "zod";
import { conditionProblems, referenceProblems, type Problem } from "./condition.ts";

const MAX_TIMER = 2_147_483_647;
const milliseconds = z.int().min(0).max(MAX_TIMER);
const retryCount = z.int().min(0).max(98);

/** A check whose problems keep their paths. */
function checked(problemsOf: (value: unknown) => readonly Problem[]) {
  return z.unknown().superRefine((value, context) => {
    for (const { path, message } of problemsOf(value)) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
  });
}

/** One step; ids, tasks and dependencies are checked further when the steps are planned. */
export const stepSchema = z.strictObject({
  id: z.string().optional(),
  agent: z.string({ error: "expected the role of an agent" }).min(1),
  task: z.string({ error: "expected what to do, as a text" }),
  context: z.record(z.string(), z.unknown()).optional(),
  dependsOn: z.array(z.union([z.string(), z.int()], { error: "expected the id of a step" })).optional(),
  forEach: checked(forEachProblems).optional(),
  concurrency: z.int().min(1).max(10_000).optional(),
  allowFailures: z
    .union([z.boolean(), z.int().min(0)], { error: "expected true, or how many items may fail" })
    .optional(),
  timeoutMs: milliseconds.min(1).optional(),
  retries: z
    .union([retryCount, z.strictObject({ max: retryCount, backoffMs: milliseconds.optional() })], {
      error: "expected how often to try again, 0 to 98, or { max, backoffMs }",
    })
    .optional(),
  when: checked((value) => (typeof value === "function" ? [] : conditionProblems(value))).optional(),
});

/** The names of all options of a step. */
const STEP_OPTIONS: readonly string[] = Object.keys(stepSchema.shape);

/** What is wrong with the form of a would-be step, a line for each problem; empty where nothing is. */
export function stepProblems(step: unknown): readonly Problem[] {
  const parsed = stepSchema.safeParse(step);
  return (parsed.error?.issues ?? []).flatMap((issue): Problem[] => {
    const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    const message = `unknown option; known are: ${STEP_OPTIONS.join(", ")}`;
    return issue.keys.map((key) => ({ path: [...path, key], message }));
  });
}

function forEachProblems(value: unknown): readonly Problem[] {
  if (Array.isArray(value)) return [];
  if (typeof value !== "object" || value === null) {
    return [{ path: [], message: "expected a list, or { step, path } where one is found" }];
  }
  const given = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).filter((name) => name !== "step" && name !== "path");
  if (unknown.length > 0) {
    return [
      {
        path: unknown.slice(0, 1),
        message: `unknown name ${JSON.stringify(unknown[0])}; known are: step, path`,
      },
    ];
  }
  if (given["step"] === undefined && given["path"] === undefined) {
    return [{ path: [], message: "expected the step or the path where the list is found" }];
  }
  return referenceProblems(given, []);
}
