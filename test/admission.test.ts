import { describe, expect, it } from "vitest";
import { Admission, type Release } from "#src/admission";

const never = new AbortController().signal;
const party = { concurrency: 10, counted: true };

/** Asks for a place and notes when it is given. */
function ask(admission: Admission, name: string, log: string[], signal = never): Promise<Release> {
  return admission.acquire(name, signal).then((release) => {
    log.push(name);
    return release;
  });
}

describe("admission", () => {
  it("runs no more of a party's tasks at once than it may", async () => {
    const admission = new Admission({ total: 100 });
    admission.join("a", { ...party, concurrency: 2 });
    const log: string[] = [];
    const first = ask(admission, "a", log);
    void ask(admission, "a", log);
    const third = ask(admission, "a", log);
    (await first)();
    await third;
    expect(admission.load("a")).toEqual({ running: 2, waiting: 0 });
    expect(log).toHaveLength(3);
  });

  it("gives places in turn, so that a party with much to do keeps nobody waiting", async () => {
    const admission = new Admission({ total: 1 });
    admission.join("busy", party);
    admission.join("rare", party);
    const log: string[] = [];
    const asked = [1, 2, 3, 4].map(() => ask(admission, "busy", log));
    asked.push(ask(admission, "rare", log));
    const releaseAll = asked.map((place) => place.then((release) => release()));
    await Promise.all(releaseAll);
    expect(log).toEqual(["busy", "rare", "busy", "busy", "busy"]);
  });

  it("does not count coordinating parties towards the mesh's bound", async () => {
    const admission = new Admission({ total: 1 });
    admission.join("worker", party);
    admission.join("coordinator", { ...party, counted: false });
    await admission.acquire("worker", never);
    await admission.acquire("coordinator", never);
    expect(admission.load("coordinator").running).toBe(1);
  });

  it("forgets a task that is cancelled while it waits", async () => {
    const admission = new Admission({ total: 1 });
    admission.join("a", party);
    const release = await admission.acquire("a", never);
    const controller = new AbortController();
    const cancelled = admission.acquire("a", controller.signal);
    const next = admission.acquire("a", never);
    controller.abort(new Error("no more"));
    await expect(cancelled).rejects.toThrow("no more");
    release();
    await next;
    expect(admission.load("a")).toEqual({ running: 1, waiting: 0 });
  });

  it("gives a place back only once, however often it is released", async () => {
    const admission = new Admission({ total: 2 });
    admission.join("a", party);
    const release = await admission.acquire("a", never);
    await admission.acquire("a", never);
    release();
    release();
    expect(admission.load("a").running).toBe(1);
  });

  it("admits nothing for a party that is held, and goes on after", async () => {
    const admission = new Admission({ total: 5 });
    admission.join("a", party);
    admission.hold("a");
    const place = admission.acquire("a", never);
    expect(admission.load("a")).toEqual({ running: 0, waiting: 1 });
    admission.unhold("a");
    await place;
    expect(admission.load("a")).toEqual({ running: 1, waiting: 0 });
  });
});
