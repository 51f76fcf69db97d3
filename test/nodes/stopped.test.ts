import { describe, expect, it } from "vitest";
import { Crew, fenced, gate, groundForTests } from "./crew.ts";

const ground = groundForTests();
/** So long is a node stopped: longer than presence remembers it, and than its task is its own. */
const STOPPED_MS = 12_000;

describe("a node that is stopped for 12 s while it works, and wakes", () => {
  it("has lost its task to another: it drops it, appends nothing, calls nothing again, and serves on", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    crew.answer(async ({ kind, node, text }) => {
      const [task = ""] = /t-\w+/.exec(text) ?? [];
      if (kind === "model" && task === "t-long") {
        return fenced(
          'const one = await tools.act({ step: "one" }); const two = await tools.act({ step: "two" }); result = [one, two, await tools.act({ step: "three" })];',
        );
      }
      if (kind === "model") return fenced(`result = "${task}"`);
      if (node === "sleeper" && text.includes("two")) await held.passed;
      return JSON.stringify(node);
    });
    const [caller, sleeper] = await Promise.all([
      crew.start("caller"),
      crew.start("sleeper", { agents: ["worker"] }),
    ]);
    const result = caller.call("execute", "worker", { id: "long", task: "Do t-long." });
    await crew.seen(({ kind, text }) => kind === "tool" && text.includes("two"));
    sleeper.signal("SIGSTOP");
    const stoppedAt = performance.now();
    await crew.start("other", { agents: ["worker"] });
    expect(await result).toMatchObject({ status: "success", output: ["sleeper", "other", "other"] });
    expect(performance.now() - stoppedAt).toBeLessThan(15_000);
    await new Promise((resolve) => setTimeout(resolve, stoppedAt + STOPPED_MS - performance.now()));
    // What it waited for is there as it wakes, and cannot be recorded.
    held.open();
    sleeper.signal("SIGCONT");
    const again = await Promise.all(
      Array.from({ length: 6 }, (_, index) => caller.call("execute", "worker", `Do t-again${index}.`)),
    );
    expect(again).toMatchObject(again.map((_, index) => ({ status: "success", output: `t-again${index}` })));
    // It serves again by itself, too: the other one leaves.
    expect(await sleeper.call("execute", "worker", { id: "own", task: "Do t-own." })).toMatchObject({
      output: "t-own",
    });
    expect(await sleeper.call("execute", "worker", { id: "long", task: "Do t-long." })).toEqual(await result);
    expect(crew.callsOf("tool")).toEqual([
      'sleeper {"step":"one"}',
      'sleeper {"step":"two"}',
      'other {"step":"two"}',
      'other {"step":"three"}',
    ]);
    expect(crew.callsOf("model").filter((call) => call.endsWith("t-long"))).toEqual(["sleeper t-long"]);
    expect(sleeper.log.filter(({ level }) => level === "error")).toEqual([]);
  }, 90_000);
});
