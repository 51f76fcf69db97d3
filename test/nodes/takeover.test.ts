import { describe, expect, it } from "vitest";
import type { NodeProcess } from "../harness/node-process.ts";
import { Crew, fenced, gate, groundForTests } from "./crew.ts";

const ground = groundForTests();
/** Within so long after a node's death is its work with another, and done where it is short; milliseconds. */
const TAKEOVER_MS = 15_000;

const TWO_CALLS = `
const first = await tools.act({ step: "first" });
const second = await tools.act({ step: "second" });
result = [first, second];`;

const isTool =
  (step: string) =>
  ({ kind, text }: { kind: string; text: string }) =>
    kind === "tool" && text.includes(step);

/** How long after its kill the work is done; milliseconds. */
async function timeAfterKill(node: NodeProcess, work: Promise<unknown>): Promise<number> {
  const killedAt = performance.now();
  await node.kill();
  await work;
  return performance.now() - killedAt;
}

describe.concurrent("a task whose node is killed", () => {
  it("goes on at another within 15 s, calls no recorded tool again, and its result is the caller's on a third node", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    crew.answer(async ({ kind, node, text }) => {
      if (kind === "model") return fenced(TWO_CALLS);
      if (text.includes("second") && node === "a") await held.passed;
      return text.includes("first") ? "1" : "2";
    });
    const [caller, a] = await Promise.all([crew.start("caller"), crew.start("a", { agents: ["worker"] })]);
    const result = caller.call("execute", "worker", { id: "t-tools", task: "Do t-tools." });
    const inFlight = await crew.seen(isTool("second"));
    await crew.start("b", { agents: ["worker"] });
    expect(await timeAfterKill(a, result)).toBeLessThan(TAKEOVER_MS);
    held.open();
    expect(await result).toMatchObject({ status: "success", output: [1, 2] });
    expect(crew.callsOf("model")).toEqual(["a t-tools"]);
    expect(crew.callsOf("tool")).toEqual([
      'a {"step":"first"}',
      'a {"step":"second"}',
      'b {"step":"second"}',
    ]);
    // What was in flight comes again under its own id.
    expect(crew.calls.at(-1)?.callId).toBe(inFlight.callId);
  });

  it("has spent what it had spent, and goes on within its budget", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    crew.answer(async ({ kind, node, text }) => {
      if (kind === "model") return fenced(TWO_CALLS);
      if (text.includes("second") && node === "a") await held.passed;
      return "1";
    });
    const [caller, a] = await Promise.all([crew.start("caller"), crew.start("a", { agents: ["worker"] })]);
    // The call in flight is made twice, and is one.
    const budget = { modelCalls: 1, toolCalls: 2 };
    const task = { id: "t-spent", task: "Do t-spent.", budget };
    const result = caller.call("execute", "worker", task);
    await crew.seen(isTool("second"));
    await crew.start("b", { agents: ["worker"] });
    expect(await timeAfterKill(a, result)).toBeLessThan(TAKEOVER_MS);
    held.open();
    expect(await result).toMatchObject({ status: "success", output: [1, 1] });
  });

  it("asks the model again where its answer was still to come", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    crew.answer(async ({ node }) => {
      if (node === "a") await held.passed;
      return fenced("result = 42");
    });
    const [caller, a] = await Promise.all([crew.start("caller"), crew.start("a", { agents: ["worker"] })]);
    const result = caller.call("execute", "worker", { id: "t-asked", task: "Do t-asked." });
    await crew.seen(({ kind }) => kind === "model");
    await crew.start("b", { agents: ["worker"] });
    expect(await timeAfterKill(a, result)).toBeLessThan(TAKEOVER_MS);
    held.open();
    expect(await result).toMatchObject({ status: "success", output: 42 });
    expect(crew.callsOf("model")).toEqual(["a t-asked", "b t-asked"]);
  });
});

describe.concurrent("a workflow whose node is killed", () => {
  const steps = ["one", "two", "three"].map((id, index, all) => ({
    id,
    agent: "worker",
    task: `Do t-${id}.`,
    dependsOn: all.slice(Math.max(0, index - 1), index),
  }));
  const answerSteps = (crew: Crew, passed: Promise<void>, heldStep: string) => (): void =>
    crew.answer(async ({ kind, text }) => {
      if (kind === "model") {
        const [, step = ""] = /Do t-(\w+)/.exec(text) ?? [];
        return fenced(`result = await tools.act({ step: "${step}" })`);
      }
      if (text.includes(heldStep)) await passed;
      return text;
    });

  it("is carried on by another while a step runs elsewhere, which is done once", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    answerSteps(crew, held.passed, "two")();
    const [home, other] = await Promise.all([
      crew.start("home"),
      crew.start("other"),
      crew.start("hands", { agents: ["worker"] }),
    ]);
    const lost = home.call("workflow", "flow", steps).catch(String);
    await crew.seen(isTool("two"));
    const joined = other.call("workflow", "flow", steps);
    const ended = timeAfterKill(home, joined);
    held.open();
    expect(await lost).toMatch("NodeEnded");
    expect(await ended).toBeLessThan(TAKEOVER_MS);
    expect(await joined).toMatchObject({ status: "success" });
    expect(crew.callsOf("tool")).toEqual(["one", "two", "three"].map((step) => `hands {"step":"${step}"}`));
    expect(crew.callsOf("model")).toHaveLength(3);
  });

  it("is carried on by one that was never asked for it, with the node that did its steps dead too", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    answerSteps(crew, held.passed, "two")();
    const home = await crew.start("home", { agents: ["worker"] });
    const lost = home.call("workflow", "flow", steps).catch(String);
    await crew.seen(isTool("two"));
    const [watcher] = await Promise.all([crew.start("watcher"), crew.start("other", { agents: ["worker"] })]);
    await home.kill();
    expect(await lost).toMatch("NodeEnded");
    held.open();
    await crew.seen(isTool("three"));
    expect(await watcher.call("workflow", "flow", steps)).toMatchObject({ status: "success" });
    expect(crew.callsOf("tool")).toEqual([
      'home {"step":"one"}',
      'home {"step":"two"}',
      'other {"step":"two"}',
      'other {"step":"three"}',
    ]);
    expect(crew.callsOf("model")).toEqual(["home t-one", "home t-two", "other t-three"]);
  });
});
