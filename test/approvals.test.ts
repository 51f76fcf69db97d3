import { describe, expect, it } from "vitest";
import { createMemoryFabric } from "fettle";
import { TestClock } from "fettle/testing";
import { Approvals } from "#src/approvals";
import type { ApprovalRequest } from "#src/core/approval";
import type { KeyValue } from "#src/core/ports";
import { createSubjects } from "#src/core/subjects";

const subjects = createSubjects("test");
const request: ApprovalRequest = {
  approvalId: "t1-a1",
  taskId: "t1",
  subject: { type: "code", code: "result = 1" },
};
const about = { role: "coder", task: "x", timeoutMs: undefined };
const patient = new AbortController().signal;

function views(keyValue: KeyValue = createMemoryFabric().keyValue, clock = new TestClock()) {
  const open = () => new Approvals(keyValue, { subjects, clock });
  return { owner: open(), person: open(), clock, keyValue };
}

describe("an approval", () => {
  it("is listed and answered by any process on the fabric; whoever waits goes on", async () => {
    const { owner, person } = views();
    await using _ = owner;
    await owner.ask(request, about);
    const waiting = owner.wait("t1-a1", patient);
    expect(await person.pending()).toMatchObject([
      { ...request, role: "coder", task: "x", status: "pending" },
    ]);
    await person.answer("t1-a1", "approved", { by: "ann", note: "fine" });
    expect(await waiting).toEqual({ decision: "approved", by: "ann", note: "fine" });
    expect(await person.pending()).toEqual([]);
  });

  it("that was answered while nobody waited is heard at once by who waits later", async () => {
    const { owner, person } = views();
    await using _ = owner;
    await owner.ask(request, about);
    await person.answer("t1-a1", "rejected");
    expect(await owner.wait("t1-a1", patient)).toEqual({ decision: "rejected", by: null, note: null });
  });

  it("that is given up while the store is still asked rejects for whoever waits, and for nobody else", async () => {
    const { keyValue } = createMemoryFabric();
    const abort = new AbortController();
    const watch = keyValue.watch.bind(keyValue);
    keyValue.watch = async (...args) => {
      const stop = await watch(...args);
      abort.abort(new Error("no longer wanted"));
      // A rejection that nobody heard would be told meanwhile, and end the process.
      await new Promise((resolve) => setTimeout(resolve, 20));
      return stop;
    };
    const { owner } = views(keyValue);
    await using _ = owner;
    await expect(owner.wait("t1-a1", abort.signal)).rejects.toThrow("no longer wanted");
  });

  it("is answered once: the first answer stands, and the second is told whose that was", async () => {
    const { owner, person } = views();
    await owner.ask(request, about);
    const answers = await Promise.allSettled([
      owner.answer("t1-a1", "approved", { by: "ann" }),
      person.answer("t1-a1", "rejected", { by: "bob" }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const refused = answers.find((one) => one.status === "rejected");
    expect(refused?.reason).toMatchObject({ code: "APPROVAL_ANSWERED" });
  });

  it("that is asked for again stays as it was, also where it was answered", async () => {
    const { owner, clock } = views();
    await using _ = owner;
    await owner.ask(request, about);
    const [first] = await owner.pending();
    clock.advance(1000);
    await owner.ask(request, { ...about, timeoutMs: 5 });
    expect(await owner.pending()).toEqual([first]);
    await owner.answer("t1-a1", "approved");
    await owner.ask(request, about);
    expect(await owner.wait("t1-a1", patient)).toMatchObject({ decision: "approved" });
  });

  it("that nobody asks for cannot be answered, nor one that is closed", async () => {
    const { owner } = views();
    const unknown = { code: "APPROVAL_UNKNOWN" };
    await expect(owner.answer("t1-a1", "approved")).rejects.toMatchObject(unknown);
    await owner.ask(request, about);
    await owner.close("t1-a1");
    await expect(owner.answer("t1-a1", "approved")).rejects.toMatchObject(unknown);
    await owner.close("t1-a1");
  });

  it("expires at its time, and is then answered for all", async () => {
    const { owner, person, clock } = views();
    await using _ = owner;
    await owner.ask(request, { ...about, timeoutMs: 1000 });
    let isOver = false;
    const waiting = owner.wait("t1-a1", patient).finally(() => (isOver = true));
    await person.pending();
    clock.advance(999);
    await person.pending();
    expect(isOver).toBe(false);
    clock.advance(1);
    expect(await waiting).toEqual({ decision: "expired", by: null, note: null });
    await expect(person.answer("t1-a1", "approved")).rejects.toMatchObject({ code: "APPROVAL_ANSWERED" });
  });

  it("whose time went by while nobody ran is expired when its owner comes back", async () => {
    const { owner, person, clock } = views();
    await using _ = person;
    await owner.ask(request, { ...about, timeoutMs: 1000 });
    clock.advance(5000);
    expect(await person.wait("t1-a1", patient)).toMatchObject({ decision: "expired" });
  });

  it("is waited for until the signal says otherwise", async () => {
    const { owner } = views();
    await using _ = owner;
    await owner.ask(request, about);
    const stop = new AbortController();
    const waiting = owner.wait("t1-a1", stop.signal);
    stop.abort(new Error("no more"));
    await expect(waiting).rejects.toThrow("no more");
    await expect(owner.wait("t1-a1", stop.signal)).rejects.toThrow("no more");
  });

  it("that cannot be watched now can be later", async () => {
    const inner = createMemoryFabric().keyValue;
    let isDown = true;
    const keyValue = new Proxy(inner, {
      get: (target, key: keyof KeyValue) => {
        if (key === "watch" && isDown) return () => Promise.reject(new Error("down"));
        return target[key].bind(target);
      },
    });
    const { owner } = views(keyValue);
    await using _ = owner;
    await owner.ask(request, about);
    await expect(owner.wait("t1-a1", patient)).rejects.toThrow("down");
    isDown = false;
    await owner.answer("t1-a1", "approved");
    expect(await owner.wait("t1-a1", patient)).toMatchObject({ decision: "approved" });
  });

  it("that is damaged names its key", async () => {
    const { owner, keyValue } = views();
    await keyValue.put("approvals", subjects.approval("t1-a1"), "{}");
    await expect(owner.pending()).rejects.toMatchObject({ code: "INTEGRITY" });
    await expect(owner.answer("t1-a1", "approved")).rejects.toThrow(subjects.approval("t1-a1"));
  });
});
