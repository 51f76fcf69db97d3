// The line of events: readers that come back, and readers that fall behind.
import { describe, expect, it } from "vitest";
import { eventStream } from "#src/app/inspector/event-stream";
import { Hub } from "#src/app/inspector/hub";
import type { InspectorEvent } from "#src/app/inspector/shapes";
import { defer } from "#src/core/deferred";
import { readEvents } from "./looking.ts";

const ALL = { taskId: null, workflowId: null };
const latest = (): InspectorEvent => ({ type: "workflows", workflowIds: ["latest"] });
const event = (id: string): InspectorEvent => ({ type: "workflows", workflowIds: [id] });
const text = (taskId: string): InspectorEvent => ({ type: "text", taskId, text: "a", isVoid: false });

function idsIn(told: string): readonly string[] {
  return [...told.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => {
    const read = JSON.parse(data) as InspectorEvent;
    return read.type === "workflows" ? (read.workflowIds[0] ?? "") : read.type;
  });
}

describe("a line of events", () => {
  it("gives each reader what is for all, and of tasks what it asked for", () => {
    const hub = new Hub();
    const [one, other] = [hub.read({ ...ALL, taskId: "t1" }, undefined), hub.read(ALL, undefined)];
    hub.publish(event("a"));
    hub.publish(text("t1"));
    hub.publish(text("t2"));
    expect(idsIn(one.take(latest))).toEqual(["a", "text"]);
    expect(idsIn(other.take(latest))).toEqual(["a"]);
    expect(one.take(latest)).toBe("");
  });

  it("goes on after the event that a reader knew last", () => {
    const hub = new Hub();
    const first = hub.read(ALL, undefined);
    for (const id of ["a", "b", "c"]) hub.publish(event(id));
    const [, id] = /^id: (.*)\nevent: workflows\ndata: .*"b"/m.exec(first.take(latest)) ?? [];
    expect(idsIn(hub.read(ALL, id).take(latest))).toEqual(["c"]);
  });

  it.each(["0badcafe-1", "nonsense", ""])("resets a reader that comes from elsewhere, with %j", (id) => {
    const hub = new Hub();
    hub.publish(event("a"));
    const reader = hub.read(ALL, id);
    expect(idsIn(reader.take(latest))).toEqual(["reset", "latest"]);
    hub.publish(event("b"));
    expect(idsIn(reader.take(latest))).toEqual(["b"]);
  });

  it("keeps no more than it may, and resets whoever is left behind to what is now", () => {
    const hub = new Hub();
    const slow = hub.read(ALL, undefined);
    for (let one = 0; one < 10_000; one += 1) hub.publish(event(String(one)));
    expect(hub.end - hub.begin).toBeLessThanOrEqual(2_000);
    expect(idsIn(slow.take(latest))).toEqual(["reset", "latest"]);
    expect(slow.isAtEnd).toBe(true);
  });

  it("bounds what it keeps in characters too", () => {
    const hub = new Hub();
    const long = "x".repeat(1_000_000);
    for (let one = 0; one < 20; one += 1) hub.publish(event(long));
    expect(hub.end - hub.begin).toBeLessThanOrEqual(8);
  });
});

describe("a stream", () => {
  it("begins with what is now, says that it is alive, and ends with its signal", async () => {
    const hub = new Hub();
    const ending = new AbortController();
    let ended = 0;
    const stream = eventStream({
      hub,
      reader: hub.read(ALL, undefined),
      latest,
      isNew: true,
      heartbeatMs: 5,
      signal: ending.signal,
      ended: () => (ended += 1),
    });
    const events = readEvents(new Response(stream));
    expect(await events.next("workflows")).toMatchObject({ workflowIds: ["latest"] });
    setTimeout(() => hub.publish(event("a")), 30);
    expect(await events.next("workflows")).toMatchObject({ workflowIds: ["a"] });
    expect(events.text).toContain(": alive");
    expect(events.text).toContain("retry: ");
    ending.abort();
    await expect(events.next("reset")).rejects.toThrow("has ended");
    expect(ended).toBe(1);
  });

  it("is ended where its reader takes nothing any more", async () => {
    const hub = new Hub();
    const over = defer<null>();
    const options = { hub, reader: hub.read(ALL, undefined), latest, isNew: true, heartbeatMs: 5 };
    const { signal } = new AbortController();
    const reader = eventStream({ ...options, signal, ended: () => over.resolve(null) }).getReader();
    await reader.read();
    await over.promise;
    await expect(reader.read()).rejects.toThrow("takes nothing");
  });
});
