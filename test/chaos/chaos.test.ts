// The crash test in its short form: a few dozen kills over all scenarios, and that its judge sees what it must.
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startProgram } from "../harness/live-program.ts";

/** The harness is plain JavaScript, since it runs without being built. */
interface Harness {
  readonly judge: (
    undisturbed: object,
    run: object,
  ) => { readonly faults: readonly { readonly kind: string }[] };
  readonly tableOf: (rows: readonly object[]) => string;
}
const { judge } = (await import(new URL("verdict.mjs", import.meta.url).href)) as Harness;
const { tableOf } = (await import(new URL("table.mjs", import.meta.url).href)) as Harness;

const FAULTS = ["lost", "differing", "repeated", "renamed"] as const;
const count = z.int().nonnegative();
const rowSchema = z.object({
  name: z.string(),
  points: z.int().positive(),
  runs: z.int().positive(),
  kills: count,
  lost: count,
  differing: count,
  repeated: count,
  renamed: count,
  modelsAgain: count,
  toolsAgain: count,
});
const outcomeSchema = z.object({ rows: z.array(rowSchema), faults: z.array(z.unknown()) });

describe("a mesh that is killed at points of its journal and at random instants", () => {
  let outcome: z.infer<typeof outcomeSchema>;

  beforeAll(async () => {
    const program = startProgram(new URL("run.mjs", import.meta.url), ["--short", "--json", "--seed", "1"]);
    const line = (await program.lines.next()).value as string;
    const { code, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    outcome = outcomeSchema.parse(JSON.parse(line));
  }, 240_000);

  it("loses no task, changes no result, repeats nothing recorded, and keeps the ids of calls", () => {
    expect(outcome.faults).toEqual([]);
    for (const row of outcome.rows) for (const kind of FAULTS) expect(row[kind], row.name).toBe(0);
  });

  it("is really killed, in each scenario", () => {
    expect(outcome.rows.map(({ name }) => name)).toEqual([
      "demo",
      "pipeline",
      "tools",
      "approvals",
      "budgets",
      "chief",
      "fan",
    ]);
    // One kill of each is at a point of its journal, so it must come; a fast machine can be done before the others.
    for (const { kills, name } of outcome.rows) expect(kills, name).toBeGreaterThan(0);
  });

  it("is shown as a table with a sum", () => {
    const table = tableOf(outcome.rows.map((row) => ({ ...row, title: row.name })));
    const kills = outcome.rows.reduce((sum, row) => sum + row.kills, 0);
    expect(table.split("\n").at(-1)).toMatch(new RegExp(`^\\| all .*\\| +${kills} \\|`));
  });
});

describe("the judge of the crash test", () => {
  const evidence = (more: object = {}) =>
    new Map([
      [
        "t",
        { types: [], result: "1", requests: ["a"], returned: ["t:0"], calls: ["m0 is model 0"], ...more },
      ],
    ]);
  const model = { kind: "model", life: 0, hash: "a" };
  const tool = { kind: "tool", life: 0, callId: "t:0", taskId: "t", tool: "x", input: {} };
  const good = {
    evidence: evidence(),
    calls: [model, tool],
    lives: [new Map()],
    ended: true,
    left: [],
    why: "",
  };
  const kinds = (run: object) => judge(good, { ...good, ...run }).faults.map(({ kind }) => kind);

  it("finds no fault with the undisturbed run, nor with calls in flight that are made again", () => {
    expect(kinds({})).toEqual([]);
    const again = [model, tool, { ...model, life: 1 }, { ...tool, life: 1 }];
    expect(kinds({ calls: again, lives: [new Map(), new Map()] })).toEqual([]);
  });

  it("sees a task that is lost, left over, or ends otherwise", () => {
    expect(kinds({ evidence: new Map() })).toEqual(["lost"]);
    expect(kinds({ ended: false, why: "hung" })).toEqual(["lost"]);
    expect(kinds({ left: ["a message"] })).toEqual(["lost"]);
    expect(kinds({ evidence: evidence({ result: "2" }) })).toEqual(["differing"]);
  });

  it("sees a recorded call that is made again, and one that comes under another id", () => {
    const lives = [new Map(), evidence()];
    expect(kinds({ lives, calls: [model, tool, { ...model, life: 1 }] })).toEqual(["repeated"]);
    expect(kinds({ lives, calls: [model, tool, { ...tool, life: 1 }] })).toEqual(["repeated"]);
    expect(kinds({ calls: [model, tool, tool] })).toEqual(["repeated"]);
    expect(kinds({ calls: [model, tool, { ...tool, callId: "t:1" }] })).toEqual(["renamed"]);
    expect(kinds({ evidence: evidence({ calls: ["m0 is model 0", "m1 is model 0"] }) })).toEqual(["renamed"]);
  });
});
