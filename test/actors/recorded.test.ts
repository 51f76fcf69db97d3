// Model calls of a task that goes on elsewhere while this process stands still.
import { describe, expect, it } from "vitest";
import { TestClock } from "fettle/testing";
import type { Assignment } from "#actors/assignment";
import { answerOnce } from "#actors/recorded";
import { Spending } from "#actors/spending";
import { BudgetBook } from "#src/budgets";
import { ModelError } from "#src/core/errors";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { Journal } from "#src/journal";
import { retryModel } from "#src/model/retry";
import { createScriptedModel } from "#src/model/scripted";

const BROKEN = new ModelError("the connection broke.", {
  provider: "scripted",
  failure: "network",
  retryable: true,
});

describe("a model call", () => {
  it("is not tried again by a process that stood still, once another has the task", async () => {
    const clock = new TestClock();
    const { ledger, keyValue } = createMemoryFabric();
    const place = { ledger, name: "t1", clock };
    const accepted = { type: "accepted", taskId: "t1", role: "coder", task: "Add.", context: {}, step: null };
    const journal = await Journal.create(place, accepted as never);
    if (journal === null) throw new Error("there is a journal already");
    const task = { taskId: "t1", role: "coder" };
    const spending = new Spending(new BudgetBook(keyValue), task, {
      task: undefined,
      workflow: null,
      agent: undefined,
      mesh: undefined,
    });
    const once = createScriptedModel(async (_, index) => {
      if (index > 0) return "result = 2";
      clock.advance(14_000);
      await (await Journal.open(place))?.append({ type: "state", state: "executing" } as never);
      return BROKEN;
    });
    const asked = answerOnce({ journal, spending, taskId: "t1" } as Assignment, {
      call: "model-0",
      repair: 0,
      request: { purpose: "generate", system: "", messages: [{ role: "user", content: "Add." }] },
      model: retryModel(once, { baseDelayMs: 1 }),
      approvals: 0,
      cheaper: undefined,
      clock,
      signal: new AbortController().signal,
      timeoutMs: 60_000,
    });
    await expect(asked).rejects.toMatchObject({ code: "OWNERSHIP_LOST" });
    expect(once.requests).toHaveLength(1);
  });
});
