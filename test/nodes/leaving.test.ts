import { describe, expect, it } from "vitest";
import { Crew, fenced, gate, groundForTests } from "./crew.ts";

const ground = groundForTests();
/** Within so long is what a node hands over with another: no time limit has to pass for it; milliseconds. */
const HANDED_OVER_MS = 5_000;

const twoTools = (name: string) =>
  fenced(`result = [await tools.act({ step: "${name}-1" }), await tools.act({ step: "${name}-2" })]`);

describe("a node that is stopped in order", () => {
  it("hands its tasks and workflows over at once, with nothing recorded done again", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    crew.answer(async ({ kind, node, text }) => {
      if (kind === "model") return twoTools(/t-(\w+)/.exec(text)?.[1] ?? "");
      if (node === "leaver" && text.includes("-2")) await held.passed;
      return JSON.stringify(node);
    });
    const [caller, leaver] = await Promise.all([
      crew.start("caller"),
      crew.start("leaver", { agents: ["worker"] }),
    ]);
    const task = caller.call("execute", "worker", { id: "t1", task: "Do t-task." });
    const steps = [
      { id: "a", agent: "worker", task: "Do t-a." },
      { id: "b", agent: "worker", task: "Do t-b.", dependsOn: ["a"] },
    ];
    const lost = leaver.call("workflow", "flow", steps).catch(String);
    await crew.seen(({ text }) => text.includes("task-2"));
    await crew.seen(({ text }) => text.includes("a-2"));
    await crew.start("heir", { agents: ["worker"] });
    const leftAt = performance.now();
    expect(await leaver.leave({ mode: "suspend" })).toBe(0);
    expect(await lost).toMatch("MeshStateError");
    expect(await task).toMatchObject({ status: "success", output: ["leaver", "heir"] });
    expect(await caller.call("workflow", "flow", steps)).toMatchObject({ status: "success" });
    expect(performance.now() - leftAt).toBeLessThan(HANDED_OVER_MS);
    held.open();
    const calls = crew.callsOf("tool");
    for (const name of ["task", "a"]) {
      expect(calls.filter((call) => call.includes(`"${name}-`))).toEqual([
        `leaver {"step":"${name}-1"}`,
        `leaver {"step":"${name}-2"}`,
        `heir {"step":"${name}-2"}`,
      ]);
    }
    expect(crew.callsOf("model")).toHaveLength(3);
  });

  it("one after the other, while tasks and workflows run and new ones come, loses nothing", async () => {
    await using crew = new Crew(ground);
    crew.answer(async ({ kind, text }) => {
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60));
      if (kind === "model") return twoTools(/t-(\w+)/.exec(text)?.[1] ?? "");
      return JSON.stringify((JSON.parse(text) as { step: string }).step);
    });
    const start = (name: string) => crew.start(name, { agents: ["worker"], concurrency: 3 });
    const [caller, ...serving] = await Promise.all([
      crew.start("caller"),
      start("a"),
      start("b"),
      start("c"),
    ]);
    let isOver = false;
    const given: Promise<unknown>[] = [];
    const expected: unknown[] = [];
    const giving = (async () => {
      for (let index = 0; !isOver; index += 1) {
        const name = `x${index}`;
        given.push(caller.call("execute", "worker", { id: name, task: `Do t-${name}.` }));
        expected.push({ status: "success", output: [`${name}-1`, `${name}-2`] });
        if (index % 3 === 0) {
          const ids = ["p", "q"].map((step) => `${step}${index}`);
          const steps = ids.map((id, at) => ({
            id,
            agent: "worker",
            task: `Do t-${id}.`,
            dependsOn: ids.slice(0, at),
          }));
          given.push(caller.call("workflow", `w${index}`, steps));
          expected.push({ status: "success" });
        }
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    })();
    for (const [index, node] of serving.entries()) {
      await start(`next-${index}`);
      expect(await node.leave({ mode: "suspend" })).toBe(0);
    }
    isOver = true;
    await giving;
    expect(await Promise.all(given)).toMatchObject(expected);
    // No call is made twice but those that were in flight as their node left.
    const calls = crew.callsOf("tool");
    const counts = new Map<string, number>();
    for (const call of crew.calls.filter(({ kind }) => kind === "tool")) {
      counts.set(call.callId ?? "", (counts.get(call.callId ?? "") ?? 0) + 1);
    }
    const again = [...counts.values()].filter((count) => count > 1).length;
    expect(again).toBeLessThanOrEqual(3 * 3);
    expect(calls.length).toBeGreaterThan(20);
  });
});
