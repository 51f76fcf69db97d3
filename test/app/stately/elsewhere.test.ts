// Tasks of other nodes, as XState's tools are told of them: from what is heard, and from nothing else.
import { expect, it } from "vitest";
import type { InspectionEvent } from "xstate";
import type { HeardEvent, MeshView } from "#src/mesh-view";
import { tellElsewhere } from "#src/app/stately/elsewhere";
import { LiveActors } from "#src/app/stately/live-actors";

function listen() {
  const live = new LiveActors();
  const told: string[] = [];
  live.read((event) => told.push(line(event)));
  let hear: (event: HeardEvent) => void = () => undefined;
  const view = {
    hearAll: (listener: typeof hear) => {
      hear = listener;
      return () => {
        hear = () => undefined;
      };
    },
  };
  const stop = tellElsewhere(view as unknown as MeshView, "here", live);
  const state = (taskId: string, name: string, node = "there") =>
    hear({ type: "state", taskId, role: "worker", node, state: name });
  const left = () => {
    const found: string[] = [];
    live.tellAgain((event) => found.push(line(event)), 500);
    return found;
  };
  return { told, state, left, stop, say: (event: HeardEvent) => hear(event) };
}

function line({ type, actorRef, ...event }: InspectionEvent): string {
  const { id } = actorRef as { readonly id?: string };
  if (!("snapshot" in event)) return `${type} ${id ?? ""}`;
  const { status, value } = event.snapshot as { readonly status: string; readonly value?: unknown };
  return `${status} ${JSON.stringify(value)}`;
}

it("are actors with the states that they are told to come to, until they end", () => {
  const { told, state, left } = listen();
  for (const name of ["queued", "generating", "awaitingApproval", "done"]) state("t1", name);
  expect(told).toEqual([
    "@xstate.actor task-t1",
    'active "queued"',
    'active {"working":"generating"}',
    'active "awaitingApproval"',
    'done "done"',
  ]);
  expect(left()).toEqual([]);
});

it("end here where this process goes on with them: its own chart tells of them from then on", () => {
  const { told, state, left } = listen();
  state("t1", "executing");
  state("t1", "queued", "here");
  state("t1", "done", "here");
  expect(told.slice(1)).toEqual(['active {"working":"executing"}', 'stopped {"working":"executing"}']);
  expect(left()).toEqual([]);
});

it("go on where another node takes them up, and are forgotten once nobody reads", () => {
  const { told, state, left, stop } = listen();
  state("t1", "executing", "one");
  state("t1", "executing", "two");
  expect(told.filter((each) => each.startsWith("@xstate.actor"))).toHaveLength(1);
  expect(left()).toEqual(["@xstate.actor task-t1"]);
  stop();
  expect(left()).toEqual([]);
  state("t2", "queued");
  expect(left()).toEqual([]);
});

it("are not made of what is no state of a task that this version knows", () => {
  const { told, state, say } = listen();
  state("t1", "dreaming");
  say({ type: "code", taskId: "t1", role: "worker", node: "there", code: "result = 1;" });
  say({ type: "workflow-started", workflowId: "w1" });
  expect(told).toEqual([]);
});
