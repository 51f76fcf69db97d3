import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startProgram } from "../harness/live-program.ts";

/** The harness is plain JavaScript, since it runs without being built. */
interface Harness {
  readonly judge: (
    expected: object,
    run: object,
  ) => { readonly faults: readonly { readonly kind: string }[] };
}
const { judge } = (await import(new URL("fleet/verdict.mjs", import.meta.url).href)) as Harness;

const count = z.int().nonnegative();
const outcomeSchema = z.object({
  workflows: count,
  kill: count,
  restarts: count,
  lost: count,
  duplicated: count,
  differing: count,
  repeated: count,
  faults: z.array(z.unknown()),
});

describe("nodes over NATS of which one is killed, and whose server is", () => {
  let outcome: z.infer<typeof outcomeSchema>;

  beforeAll(async () => {
    const program = startProgram(new URL("run.mjs", import.meta.url), [
      "--nats",
      "--short",
      "--json",
      "--seed",
      "1",
    ]);
    const line = (await program.lines.next()).value as string;
    const { code, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    outcome = outcomeSchema.parse(JSON.parse(line));
  }, 240_000);

  it("lose no workflow, end none twice, change no result, and repeat nothing recorded", () => {
    expect(outcome).toMatchObject({ faults: [], lost: 0, duplicated: 0, differing: 0, repeated: 0 });
  });

  it("are really killed", () => {
    expect(outcome).toMatchObject({ workflows: 20, kill: 1, restarts: 1 });
  });
});

describe("the judge of nodes over NATS", () => {
  const journal = (name: string, more: object = {}) => [
    [name, { ends: ["success"], recorded: new Map(), ...more }],
    ...["a", "b", "c", "d"].map((step) => [
      `${name}-${step}`,
      { ends: [`{"output":"${name}-${step}"}`], recorded: new Map([[`model ${name}-${step} 0`, 10]]) },
    ]),
  ];
  const call = { kind: "model", node: "n1", text: "Do w1 a.", repair: 0, at: 5 };
  const evidence = (name: string, more: object) =>
    new Map([...journal("w0"), ...journal("w1"), [name, { ends: [], recorded: new Map(), ...more }]] as [
      string,
      object,
    ][]);
  const good = {
    workflows: ["w1"],
    results: new Map([["w1", { status: "success" }]]),
    evidence: new Map([...journal("w0"), ...journal("w1")] as [string, object][]),
    calls: [call],
    left: [],
  };
  const kinds = (run: object) =>
    judge({ name: "w0", evidence: good.evidence }, { ...good, ...run }).faults.map(({ kind }) => kind);

  it("finds no fault with what is as it must be, nor with a call in flight that is made again", () => {
    expect(kinds({})).toEqual([]);
    expect(kinds({ calls: [call, { ...call, node: "n2", at: 9 }] })).toEqual([]);
  });

  it("sees what is lost, left over, ended twice, or ends otherwise", () => {
    expect(kinds({ results: new Map() })).toEqual(["lost"]);
    expect(kinds({ evidence: evidence("w1-b", {}) })).toEqual(["lost"]);
    expect(kinds({ left: ["a message"] })).toEqual(["lost"]);
    expect(kinds({ evidence: evidence("w1", { ends: ["success", "success"] }) })).toEqual(["duplicated"]);
    expect(kinds({ evidence: evidence("w1-b", { ends: ['{"output":"other"}'] }) })).toEqual(["differing"]);
  });

  it("sees a call that is made again after its outcome was recorded", () => {
    expect(kinds({ calls: [call, { ...call, node: "n2", at: 11 }] })).toEqual(["repeated"]);
  });
});
