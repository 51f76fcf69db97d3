// What taking a task up depends on: the terms that it is done on, whether it was taken up in vain too often, and whether
// another is at it of whom the queue does not tell.
import type { TaskTerms } from "../src/core/journal.ts";
import type { ActorParts } from "./parts.ts";
import type { Journal } from "../src/journal.ts";

/** So often may a task be taken up without any headway before it is given up: its processes died of it. */
export const MAX_CLAIMS = 10;

/** A profile that was asked for with the task goes before what the agent says. */
export function termsOf(terms: TaskTerms, profile: string | null): TaskTerms {
  return profile === null || terms.kind === "custom" ? terms : { ...terms, profile, routes: false };
}

/** How often a task was taken up, at last, without anything done for it; waiting for a person is no fault of its own. */
export function claimsInVain(journal: Pick<Journal, "entries">): number {
  let claims = 0;
  for (const { type } of journal.entries.toReversed()) {
    if (type === "claimed") claims += 1;
    else if (
      type !== "state" &&
      type !== "model-asked" &&
      type !== "handler-started" &&
      type !== "run-started"
    )
      break;
  }
  return claims;
}

/**
 * Whether another process took the task up and may still be at it. Off another task queue: of that one this queue, which
 * is the lease, knows nothing. On another node: a server that was away gives a task out again that its node still has.
 */
export function isHeldElsewhere(
  journal: Journal,
  { subjects, isGone, peers, node }: Pick<ActorParts, "subjects" | "isGone" | "peers" | "node">,
): boolean {
  const owner = ownerOf(journal);
  if (owner === null || owner.node === node) return false;
  return (peers !== null || owner.queue !== subjects.taskQueue) && !isGone(owner.node);
}

/** The process that took the task up last and has not left it; null where there is none. */
export function ownerOf({
  entries,
}: Pick<Journal, "entries">): { readonly node: string; readonly queue: string | null } | null {
  const owner = entries.findLast(({ type }) => type === "claimed" || type === "left");
  return owner?.type === "claimed" ? { node: owner.node, queue: owner.queue ?? null } : null;
}
