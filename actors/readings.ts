// What a running mesh can be asked for by whoever measures it: tasks, queues, mailboxes, actors and nodes.
// Invariant: reading changes nothing; what belongs to the whole mesh, and not to this process alone, says so.
import type { Queue } from "../src/core/ports.ts";
import type { Subjects } from "../src/core/subjects.ts";
import type { Reading, Telemetry } from "../src/core/telemetry.ts";
import type { AgentActor } from "./agent-actor.ts";
import type { Population } from "./population.ts";

/** What is read. */
export interface ReadingParts {
  readonly telemetry: Telemetry;
  readonly population: Population;
  readonly queue: Queue;
  readonly subjects: Subjects;
  /** How many processes the mesh has. */
  readonly nodes: () => number;
}

/** Has a mesh's state asked for; gives how to end that. */
export function tellReadings({ telemetry, population, queue, subjects, nodes }: ReadingParts): () => void {
  const sum = (valueOf: (actor: AgentActor) => number) =>
    population.roles.map((role) => {
      const values = [...population.actorsOf(role)].map(valueOf);
      return { labels: { role }, value: values.reduce((total, value) => total + value, 0) };
    });
  const queued = async (role: string): Promise<readonly Reading<"tasks-queued">[]> => {
    const { waiting, inHand, dead } = await queue.size(subjects.tasks(role));
    return [
      { labels: { role, state: "waiting" }, value: waiting },
      { labels: { role, state: "in-hand" }, value: inHand },
      { labels: { role, state: "dead" }, value: dead },
    ];
  };
  const ends = [
    telemetry.read("actors", () => sum(() => 1)),
    telemetry.read("tasks-running", () => sum(({ burden }) => burden)),
    telemetry.read("mailbox-messages", () => sum(({ unread }) => unread)),
    telemetry.read("tasks-queued", async () => (await Promise.all(population.roles.map(queued))).flat()),
    telemetry.read("nodes", () => [{ labels: {}, value: nodes() }]),
  ];
  return () => {
    for (const end of ends) end();
  };
}
