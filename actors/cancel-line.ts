// Cancels between nodes: asks the node that works on a task to cancel it, and does so for the others.
// Invariant: a node says that it cancelled only what an actor of it has in hand; whoever hears nothing ends the task by its
// journal, which stops that node all the same, a moment later.
import { z } from "zod";
import { DeliveryError, UnknownError } from "../src/core/errors.ts";
import type { Unsubscribe } from "../src/core/ports.ts";
import type { Journal } from "../src/journal.ts";
import { ownerOf } from "./claims.ts";
import type { ActorParts } from "./parts.ts";

const VERB = "cancel";
const ANSWER_MS = 3_000;

const wishSchema = z.object({ v: z.number(), taskId: z.string(), reason: z.string() });
const answerSchema = z.object({ v: z.number(), cancelled: z.boolean() });

/** Whether the node that works on a task was told, and cancels it. */
export async function askOwner(parts: ActorParts, journal: Journal, reason: string): Promise<boolean> {
  const { peers, node, isGone, fabric, subjects, log } = parts;
  const owner = ownerOf(journal);
  if (peers === null || owner === null || owner.node === node || isGone(owner.node)) return false;
  const { taskId } = journal.accepted;
  try {
    const wish = JSON.stringify({ v: 1, taskId, reason });
    const subject = subjects.node(owner.node, VERB);
    const answer = await fabric.messages.request(subject, wish, { timeoutMs: ANSWER_MS });
    return answerSchema.parse(JSON.parse(answer)).cancelled;
  } catch (thrown) {
    if (!(thrown instanceof UnknownError) && !(thrown instanceof DeliveryError)) throw thrown;
    log.debug(
      { err: thrown, taskId, node: owner.node },
      "the node that works on a task did not hear of its cancel",
    );
    return false;
  }
}

/** Cancels for other nodes what this one works on; `cancel` says whether it does. */
export function serveCancels(
  { peers, node, fabric, subjects }: ActorParts,
  cancel: (taskId: string, reason: string) => boolean,
): Unsubscribe {
  if (peers === null) return () => undefined;
  return fabric.messages.subscribe(subjects.node(node, VERB), (message) => {
    const { taskId, reason } = wishSchema.parse(JSON.parse(message.payload));
    message.reply(JSON.stringify({ v: 1, cancelled: cancel(taskId, reason) }));
  });
}
