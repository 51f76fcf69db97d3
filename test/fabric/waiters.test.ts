import { describe, expect, it } from "vitest";
import type { Delivery } from "#src/core/ports";
import { Waiters } from "#src/fabric/waiters";

const delivery = (id: string) => ({ id }) as Delivery;

/** A signal, and how many listen to it. */
function watchedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...given);
  };
  return { abort: () => controller.abort(), signal, listeners: () => listeners };
}

describe("those who wait for messages", () => {
  it("are answered in the order in which they asked", async () => {
    const line = new Waiters(() => undefined);
    const waiting = [line.wait(), line.wait()];
    line.next()?.resolve(delivery("1"));
    line.next()?.resolve(delivery("2"));
    expect(line.next()).toBeUndefined();
    expect(await Promise.all(waiting)).toMatchObject([{ id: "1" }, { id: "2" }]);
  });

  it("leave when their signal is aborted, all of that signal at once, and nobody else", async () => {
    let abortions = 0;
    const line = new Waiters(() => (abortions += 1));
    const one = watchedSignal();
    const leaving = [line.wait(one.signal), line.wait(one.signal)];
    const staying = [line.wait(), line.wait(watchedSignal().signal)];
    one.abort();
    expect(await Promise.all(leaving)).toEqual([null, null]);
    expect([line.size, abortions]).toEqual([2, 1]);
    line.end();
    expect(await Promise.all(staying)).toEqual([null, null]);
  });

  it("share one listener to a signal, which goes with the last of them", async () => {
    const line = new Waiters(() => undefined);
    const { signal, listeners, abort } = watchedSignal();
    const waiting = [line.wait(signal), line.wait(signal)];
    expect(listeners()).toBe(1);
    line.next()?.resolve(delivery("1"));
    expect(listeners()).toBe(1);
    line.next()?.resolve(delivery("2"));
    expect(listeners()).toBe(0);
    abort();
    expect(await Promise.all(waiting)).toMatchObject([{ id: "1" }, { id: "2" }]);
    expect(line.size).toBe(0);
  });

  it("all hear of a failure", async () => {
    const line = new Waiters(() => undefined);
    const waiting = Promise.allSettled([line.wait(), line.wait(new AbortController().signal)]);
    line.fail(new Error("no more"));
    expect((await waiting).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(line.size).toBe(0);
  });
});
