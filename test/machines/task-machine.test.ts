import { describe, expect, it } from "vitest";
import { createActor, fromPromise, SimulatedClock, toPromise } from "xstate";
import type { TaskMachineInput } from "#machines/task-books";
import { taskMachine } from "#machines/task-machine";
import type { ApprovalAnswer, ApprovalRequest } from "#src/core/approval";
import type {
  Draft,
  DraftRequest,
  Outcome,
  Recall,
  Routed,
  Suspension,
  Trial,
  TrialRequest,
} from "#src/core/attempt";
import { BudgetError } from "#src/core/errors";
import type { TaskResult } from "#src/core/task";

const input: TaskMachineInput = {
  taskId: "t1",
  kind: "prompt",
  maxRepairs: 3,
  deadlineMs: 1000,
  approval: "never",
  recalls: false,
  routes: false,
  profile: "coder",
};
const evidence = { console: [], entropy: { seed: 1, startedAt: 0 }, usage: null };
const good = (output: unknown): Trial => ({ ok: true, output, ...evidence });
const bad = (message: string): Trial => ({
  ok: false,
  error: { name: "TypeError", message, category: "runtime" },
  ...evidence,
});

function draft(code: string | null): Draft {
  const problem =
    code === null ? { name: "NoCodeError", message: "no code", category: "no-code" as const } : null;
  const tokens = { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 };
  return { code, problem, answer: code ?? "sorry", model: "test/one", tokens, costUsd: 0.5, replayed: false };
}

/** Runs the chart with scripted effects and notes the states it went through. */
function run(
  effects: {
    readonly drafts?: readonly (Draft | Error)[];
    readonly trials?: readonly (Trial | Suspension | Error)[];
    readonly routes?: readonly (Routed | Error)[];
    readonly recall?: () => Promise<Recall | null>;
    readonly answers?: readonly ApprovalAnswer[];
    readonly lost?: boolean;
    readonly handle?: () => Promise<Trial>;
    readonly admit?: () => Promise<null>;
  },
  given: Partial<TaskMachineInput> = {},
) {
  const drafts = [...(effects.drafts ?? [])];
  const trials = [...(effects.trials ?? [])];
  const routes = [...(effects.routes ?? [])];
  const answers = [...(effects.answers ?? [])];
  const asked: ApprovalRequest[] = [];
  const requests: DraftRequest[] = [];
  const ran: TrialRequest[] = [];
  const settled: Outcome[] = [];
  let released = 0;
  const next = <T>(queue: (T | Error)[]): Promise<T> => {
    const one = queue.shift();
    if (one === undefined) return new Promise<T>(() => undefined);
    return one instanceof Error ? Promise.reject(one) : Promise.resolve(one);
  };
  const clock = new SimulatedClock();
  const states: string[] = [];
  const actor = createActor(
    taskMachine.provide({
      actors: {
        admit: fromPromise(effects.admit ?? (async () => null)),
        draft: fromPromise(({ input: request }) => {
          requests.push(request);
          return next(drafts);
        }),
        trial: fromPromise(({ input: request }) => {
          ran.push(request);
          return next(trials);
        }),
        route: fromPromise(() => next(routes)),
        recall: fromPromise(effects.recall ?? (async () => null)),
        approve: fromPromise(({ input: request }) => {
          asked.push(request);
          return next(answers);
        }),
        handle: fromPromise(effects.handle ?? (async () => good(null))),
        settle: fromPromise(async ({ input: outcome }): Promise<TaskResult | null> => {
          settled.push(outcome);
          if (effects.lost === true) return null;
          return outcome as unknown as TaskResult;
        }),
      },
      actions: { release: () => (released += 1) },
    }),
    { input: { ...input, ...given }, clock },
  );
  actor.subscribe(({ value }) => {
    const state = typeof value === "string" ? value : value.working;
    if (states.at(-1) !== state) states.push(state);
  });
  actor.start();
  const done = toPromise(actor);
  return { actor, clock, states, requests, ran, asked, settled, done, released: () => released };
}

describe("the task chart", () => {
  it("goes from queued through generating and executing to done", async () => {
    const task = run({ drafts: [draft("result = 1")], trials: [good(1)] });
    const result = await task.done;
    expect(task.states).toEqual(["queued", "generating", "executing", "settling", "done"]);
    expect(result).toMatchObject({
      status: "success",
      output: 1,
      code: "result = 1",
      repairs: 0,
      costUsd: 0.5,
    });
    expect(task.released()).toBe(1);
  });

  it("repairs until the code works, and counts each repair, token and cent", async () => {
    const task = run({
      drafts: [draft("a"), draft("b"), draft("c")],
      trials: [bad("first"), bad("second"), good(42)],
    });
    const result = await task.done;
    expect(task.states.filter((state) => state === "repairing")).toHaveLength(2);
    expect(result).toMatchObject({ status: "success", output: 42, code: "c", repairs: 2, costUsd: 1.5 });
    expect(result?.tokens).toMatchObject({ input: 30, output: 15 });
    expect(result?.attempts.map(({ code, error }) => [code, error?.message])).toEqual([
      ["a", "first"],
      ["b", "second"],
      ["c", undefined],
    ]);
    expect(task.requests.map(({ repair, attempts }) => [repair, attempts.length])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
    expect(task.ran.map(({ attempt, code }) => [attempt, code])).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
  });

  it("fails after the last allowed repair, with the last error and code, never as a success", async () => {
    const task = run({ drafts: [draft("a"), draft("b")], trials: [bad("x"), bad("y")] }, { maxRepairs: 1 });
    const result = await task.done;
    expect(task.states.at(-1)).toBe("failed");
    expect(result).toMatchObject({ status: "failure", output: null, code: "b", repairs: 1 });
    expect(result?.error?.message).toBe("y");
  });

  it("fails at once where no repair is allowed", async () => {
    const task = run({ drafts: [draft("a")], trials: [bad("x")] }, { maxRepairs: 0 });
    expect(await task.done).toMatchObject({ status: "failure", repairs: 0 });
  });

  it("sends an answer without code to repair like any other failure", async () => {
    const task = run({ drafts: [draft(null), draft("b")], trials: [good(1)] });
    const result = await task.done;
    expect(task.states).toEqual(["queued", "generating", "repairing", "executing", "settling", "done"]);
    expect(result?.attempts[0]).toMatchObject({
      code: "sorry",
      error: { category: "no-code" },
      entropy: null,
    });
    expect(result?.repairs).toBe(1);
  });

  it("fails as a model failure where no model answers, without a repair", async () => {
    const task = run({ drafts: [new Error("all providers failed")] });
    const result = await task.done;
    expect(result?.error).toMatchObject({ category: "model", message: "all providers failed" });
    expect(result?.repairs).toBe(0);
  });

  it("keeps the earlier tries where the model fails in a repair", async () => {
    const task = run({ drafts: [draft("a"), new Error("gone")], trials: [bad("x")] });
    const result = await task.done;
    expect(result).toMatchObject({ status: "failure", code: "a", repairs: 1, error: { category: "model" } });
    expect(result?.attempts).toHaveLength(1);
  });

  it("fails as a sandbox failure where the sandbox cannot serve, without asking the model again", async () => {
    const task = run({ drafts: [draft("a")], trials: [new Error("closed")] });
    expect((await task.done)?.error?.category).toBe("sandbox");
    expect(task.requests).toHaveLength(1);
  });

  it.each(["generating", "executing"])("is cancelled while %s", async (state) => {
    const task = run({ drafts: state === "generating" ? [] : [draft("a")] });
    await new Promise<void>((resolve) => {
      task.actor.subscribe(() => task.states.at(-1) === state && resolve());
      if (task.states.at(-1) === state) resolve();
    });
    task.actor.send({ type: "cancel", reason: "not needed" });
    const result = await task.done;
    expect(task.states.at(-1)).toBe("cancelled");
    expect(result).toMatchObject({ status: "cancelled", error: { message: "not needed" } });
    expect(task.released()).toBe(1);
  });

  it("is cancelled while it waits for a place", async () => {
    const task = run({ admit: () => new Promise(() => undefined) });
    task.actor.send({ type: "cancel" });
    expect(await task.done).toMatchObject({ status: "cancelled" });
    expect(task.states).toEqual(["queued", "settling", "cancelled"]);
  });

  it("fails with a timeout that names the setting when the deadline passes", async () => {
    const task = run({ drafts: [] });
    await new Promise<void>((resolve) =>
      task.actor.subscribe(() => task.states.includes("generating") && resolve()),
    );
    task.clock.increment(999);
    expect(task.states.at(-1)).toBe("generating");
    task.clock.increment(1);
    const result = await task.done;
    expect(result?.error).toMatchObject({ category: "timeout" });
    expect(result?.error?.message).toMatch(/"t1".*1 s.*EXECUTION_TIMEOUT/);
  });

  it("does not let the deadline run while the task waits for a place", async () => {
    const task = run({ admit: () => new Promise(() => undefined) });
    task.clock.increment(1_000_000);
    expect(task.states).toEqual(["queued"]);
    task.actor.send({ type: "cancel" });
    await task.done;
  });

  it("runs a custom agent's handler in place of model and sandbox", async () => {
    const task = run({ handle: async () => good("by hand") }, { kind: "custom" });
    expect(await task.done).toMatchObject({ status: "success", output: "by hand", code: null, model: null });
    expect(task.states).toEqual(["queued", "handling", "settling", "done"]);
  });

  it("says which slot is not bound, where one is not", async () => {
    const actor = createActor(taskMachine, { input });
    actor.subscribe({ error: () => undefined });
    actor.start();
    await expect(toPromise(actor)).rejects.toThrow(/slot "settle" is not bound/);
  });

  it("has only states and slots that survive serialisation, so that editors can open it", () => {
    const definition = JSON.parse(JSON.stringify(taskMachine.definition)) as { states: object };
    expect(Object.keys(definition.states)).toEqual([
      "queued",
      "working",
      "awaitingApproval",
      "settling",
      "done",
      "failed",
      "cancelled",
      "left",
    ]);
  });
});

const approved: ApprovalAnswer = { decision: "approved", by: "ann", note: null };
const rejected: ApprovalAnswer = { decision: "rejected", by: "ann", note: "not that" };
const expired: ApprovalAnswer = { decision: "expired", by: null, note: null };
const over = (onExceeded: "ask" | "fail", wanted: number | null = 1) =>
  new BudgetError("over", { budget: "task:t1", measure: "modelCalls", wanted, left: 0, onExceeded });

describe("the task chart, before it writes code", () => {
  const routed: Routed = {
    profile: "communicator",
    decidedBy: "model",
    confidence: 1,
    reason: "prose",
    tokens: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 },
    costUsd: 0.25,
  };
  const recall: Recall = { functionId: "f1", version: 1, code: "proven" };

  it("chooses the profile once, and counts what that cost", async () => {
    const task = run(
      { routes: [routed], drafts: [draft("Dear all")], trials: [good("Dear all")] },
      { routes: true, profile: null, approval: "code" },
    );
    expect(await task.done).toMatchObject({ profile: "communicator", costUsd: 0.75, tokens: { input: 11 } });
    expect(task.states).toEqual(["queued", "routing", "generating", "executing", "settling", "done"]);
    expect(task.requests[0]).toMatchObject({ profile: "communicator" });
  });

  it("fails where no profile can be chosen", async () => {
    const task = run({ routes: [new Error("down")] }, { routes: true, profile: null });
    expect(await task.done).toMatchObject({ status: "failure", error: { category: "model" } });
  });

  it("runs proven code in place of asking the model", async () => {
    const task = run({ recall: async () => recall, trials: [good(1)] }, { recalls: true });
    expect(await task.done).toMatchObject({ reused: true, code: "proven", model: "registry/f1", costUsd: 0 });
    expect(task.states).toEqual(["queued", "recalling", "executing", "settling", "done"]);
    expect(task.requests).toEqual([]);
  });

  it("asks the model where there is no proven code", async () => {
    const task = run({ drafts: [draft("a")], trials: [good(1)] }, { recalls: true });
    expect(await task.done).toMatchObject({ reused: false });
    expect(task.states).toEqual(["queued", "recalling", "generating", "executing", "settling", "done"]);
  });

  it("has proven code that fails mended once in any case, and that is no longer reuse", async () => {
    const task = run(
      { recall: async () => recall, trials: [bad("x"), bad("y")], drafts: [draft("b")] },
      { recalls: true, maxRepairs: 0 },
    );
    expect(await task.done).toMatchObject({ status: "failure", reused: false, repairs: 1, code: "b" });
  });

  it("has proven code reviewed like any other", async () => {
    const task = run(
      { recall: async () => recall, trials: [good(1)], answers: [approved] },
      { recalls: true, approval: "code" },
    );
    expect(await task.done).toMatchObject({ status: "success", reused: true });
    expect(task.asked).toMatchObject([{ approvalId: "t1-a1", subject: { type: "code", code: "proven" } }]);
  });
});

describe("the task chart, where a person is asked", () => {
  it("waits without a place before code runs, and then runs it", async () => {
    const task = run({ drafts: [draft("a")], trials: [good(1)], answers: [approved] }, { approval: "code" });
    expect(await task.done).toMatchObject({ status: "success", repairs: 0 });
    expect(task.states).toEqual([
      "queued",
      "generating",
      "awaitingApproval",
      "queued",
      "executing",
      "settling",
      "done",
    ]);
    expect(task.released()).toBe(2);
    expect(task.ran).toMatchObject([{ attempt: 1, approvals: 1, code: "a" }]);
  });

  it("sends refused code to repair with the reason, and asks anew for what comes of it", async () => {
    const task = run(
      { drafts: [draft("a"), draft("b")], trials: [good(1)], answers: [rejected, approved] },
      { approval: "code" },
    );
    expect(await task.done).toMatchObject({ status: "success", code: "b", repairs: 1 });
    expect(task.asked.map(({ approvalId }) => approvalId)).toEqual(["t1-a1", "t1-a2"]);
    expect(task.requests[1]?.attempts[0]?.error).toMatchObject({ category: "approval" });
    expect(task.requests[1]?.attempts[0]?.error?.message).toContain("not that");
  });

  it("ends where what was refused may not be mended, or nobody answered in time", async () => {
    const refused = run({ drafts: [draft("a")], answers: [rejected] }, { approval: "code", maxRepairs: 0 });
    expect(await refused.done).toMatchObject({
      error: { name: "ApprovalRefusedError", category: "approval" },
    });
    const late = run({ drafts: [draft("a")], answers: [expired] }, { approval: "code" });
    expect(await late.done).toMatchObject({ error: { name: "ApprovalExpiredError", category: "approval" } });
  });

  it("goes on with the same run where its tool calls are allowed", async () => {
    const held = { held: [{ callId: "t1-1:0", tool: "send", input: "{}" }] };
    const task = run({ drafts: [draft("a")], trials: [held, good(1)], answers: [approved] });
    expect(await task.done).toMatchObject({ status: "success", attempts: [{ code: "a" }] });
    expect(task.ran.map(({ attempt, approvals }) => [attempt, approvals])).toEqual([
      [1, 0],
      [1, 1],
    ]);
    expect(task.asked[0]?.subject).toEqual({ type: "tools", calls: held.held });
  });

  it("asks to go past a budget wherever that stopped it, and goes on there", async () => {
    const task = run({
      drafts: [over("ask"), draft("a"), over("ask"), draft("b")],
      trials: [over("ask"), bad("x"), good(1)],
      answers: [approved, approved, approved],
    });
    expect(await task.done).toMatchObject({ status: "success", repairs: 1 });
    expect(task.states.filter((state) => state !== "queued")).toEqual([
      "generating",
      "awaitingApproval",
      "generating",
      "executing",
      "awaitingApproval",
      "executing",
      "repairing",
      "awaitingApproval",
      "repairing",
      "executing",
      "settling",
      "done",
    ]);
    expect(task.asked[0]?.subject).toMatchObject({ type: "budget", budget: "task:t1", wanted: 1 });
  });

  it("ends where the budget does not ask, its price is unknown, or it is refused", async () => {
    for (const error of [over("fail"), over("ask", null)]) {
      expect(await run({ drafts: [error] }).done).toMatchObject({ error: { category: "budget" } });
    }
    const task = run({ drafts: [over("ask")], answers: [rejected] });
    expect(await task.done).toMatchObject({ status: "failure", error: { category: "approval" } });
  });

  it("is cancelled while it waits, and has no deadline there", async () => {
    const task = run({ drafts: [draft("a")] }, { approval: "code" });
    await new Promise(setImmediate);
    expect(task.states.at(-1)).toBe("awaitingApproval");
    task.clock.increment(1_000_000);
    expect(task.states.at(-1)).toBe("awaitingApproval");
    task.actor.send({ type: "cancel" });
    expect(await task.done).toMatchObject({ status: "cancelled", code: "a" });
  });
});

describe("the task chart, where the task is left", () => {
  it("stops without a result, wherever it is, and gives its place back", async () => {
    const generating = run({ drafts: [] });
    await new Promise(setImmediate);
    generating.actor.send({ type: "leave" });
    expect(await generating.done).toBeNull();
    expect(generating.released()).toBe(1);
    const waiting = run({ drafts: [draft("a")] }, { approval: "code" });
    await new Promise(setImmediate);
    waiting.actor.send({ type: "leave" });
    expect(await waiting.done).toBeNull();
    expect(waiting.settled).toEqual([]);
  });

  it("ends first where its result is being stored", async () => {
    const task = run({ drafts: [draft("a")], trials: [good(1)] });
    let isTold = false;
    task.actor.subscribe(({ value }) => {
      if (value !== "settling" || isTold) return;
      isTold = true;
      task.actor.send({ type: "leave" });
    });
    expect(await task.done).toMatchObject({ status: "success" });
  });

  it("is left where another process has it when its result is to be stored", async () => {
    const task = run({ drafts: [draft("a")], trials: [good(1)], lost: true });
    expect(await task.done).toBeNull();
    expect(task.states.at(-1)).toBe("left");
  });
});
