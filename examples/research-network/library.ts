// What the researchers can look up: a small library on how systems keep work that their machines lose.

/** A note of the library. */
export interface Note {
  readonly id: string;
  readonly topic: string;
  readonly title: string;
  readonly text: string;
}

const note = (id: string, title: string, text: string): Note => ({
  id,
  topic: id.slice(0, id.lastIndexOf("-")),
  title,
  text,
});

/** All notes, two of each topic. */
export const NOTES: readonly Note[] = [
  note(
    "heartbeats-1",
    "Signs of life",
    "A node that says every two seconds that it is there is missed soon.",
  ),
  note("heartbeats-2", "Silence", "Silence alone does not tell a dead node from a slow one."),
  note("leases-1", "Borrowed work", "A lease gives work to one node for a time, and ends by itself."),
  note("leases-2", "Renewal", "Who still works on it renews the lease; who died cannot, so another gets it."),
  note("fencing-1", "The late writer", "A node that slept past its lease may wake and write once more."),
  note("fencing-2", "Tokens", "A store that compares a growing number refuses what comes from an old owner."),
  note(
    "journals-1",
    "Record, then act",
    "What was recorded before it was acted on need never be done again.",
  ),
  note("journals-2", "Replay", "A deterministic program, run over its journal, comes to where it was."),
  note("queues-1", "Acknowledgement", "A message stays in the queue until somebody says that it is done."),
  note(
    "queues-2",
    "Delivery again",
    "What is not acknowledged in time is given out again, so nothing is lost.",
  ),
  note("idempotency-1", "Twice is once", "Who may be asked twice needs a key by which to know it again."),
  note("idempotency-2", "In flight", "A call whose answer was lost is made again under the key it had."),
];

/** The topics of the notes, each once. */
export const TOPICS: readonly string[] = [...new Set(NOTES.map(({ topic }) => topic))];
