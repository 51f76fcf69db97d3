// Finds a node that takes a run: asks the queue group of all nodes, one after the other, as long as patience lasts.
// Invariant: it ends in a node, or in an error that says what was found; time in which no message gets through does not
// count as time in which no node could be had.
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { FettleError, messageOf, SandboxError } from "../../core/errors.ts";
import { pause } from "../../core/pause.ts";
import type { Messages } from "../../core/ports.ts";
import { answerSchema, type Answer, type Offer, type Taken } from "./wire.ts";

/** How a search goes about it. */
export interface SearchOptions {
  readonly messages: Messages;
  readonly clock: Clock;
  /** Where runs are offered. */
  readonly subject: string;
  readonly patienceMs: number;
  /** Whether messages get through at all. */
  readonly isReachable: (timeoutMs: number, signal: AbortSignal) => Promise<boolean>;
}

/** What the last offer came to. */
type Finding = Exclude<Answer, Taken> | { readonly type: "none" } | { readonly type: "silent" };

/** So long a node may take to answer an offer, in milliseconds. */
const ANSWER_MS = 2000;
const FIRST_REST_MS = 5;
const LONGEST_REST_MS = 500;
/** So long is a connection waited for that was lost, in milliseconds. */
const AWAY_MS = 100_000;

/**
 * Offers a run until a node takes it; null once the signal is aborted.
 *
 * @throws SandboxError `SANDBOX_REMOTE` where no node is there or none may take it, `SANDBOX_BUSY` where all are full.
 */
export async function findNode(
  offer: Offer,
  options: SearchOptions,
  signal: AbortSignal,
): Promise<Taken | null> {
  const { clock, patienceMs } = options;
  let waitedMs = 0;
  let awayMs = 0;
  let wasAway = false;
  for (let restMs = FIRST_REST_MS; ; restMs = Math.min(2 * restMs, LONGEST_REST_MS)) {
    const askedAt = clock.now();
    const found = await ask(offer, options, signal);
    if (found === null || found.type === "taken") return found;
    if (signal.aborted) return null;
    if (found.type === "refused") throw refused(found);
    const isAway = found.type === "silent" && !(await options.isReachable(ANSWER_MS, signal));
    const roundMs = clock.now() - askedAt + restMs;
    // What was asked while messages were lost says nothing, even where they come through again by now.
    if ((isAway || (wasAway && found.type === "silent")) && awayMs < AWAY_MS) awayMs += roundMs;
    else waitedMs += roundMs;
    wasAway = isAway;
    if (waitedMs > patienceMs) throw unavailable(found, patienceMs);
    await pause(restMs * (0.5 + Math.random() / 2), { clock, signal });
    if (signal.aborted) return null;
  }
}

async function ask(
  offer: Offer,
  { messages, subject }: SearchOptions,
  signal: AbortSignal,
): Promise<Taken | Finding | null> {
  try {
    const answer = await messages.request(subject, JSON.stringify(offer), { timeoutMs: ANSWER_MS, signal });
    return answerSchema.parse(JSON.parse(answer));
  } catch (thrown) {
    switch (thrown instanceof FettleError ? thrown.code : null) {
      case "CANCELLED":
        return null;
      case "ACTOR_UNKNOWN":
        return { type: "none" };
      case "ASK_TIMEOUT":
        return { type: "silent" };
      case "ACTOR_STOPPED":
        throw new SandboxError("SANDBOX_CLOSED", `Cannot run the code: ${messageOf(thrown)}`, {
          cause: thrown,
        });
      default: {
        const isOdd = thrown instanceof z.ZodError || thrown instanceof SyntaxError;
        const why = isOdd ? `what answered on "${subject}" is no sandbox node` : messageOf(thrown);
        throw new SandboxError("SANDBOX_REMOTE", `Cannot run the code on a sandbox node: ${why}.`, {
          cause: thrown,
        });
      }
    }
  }
}

function refused({ name, message }: Extract<Answer, { readonly type: "refused" }>): SandboxError {
  return new SandboxError("SANDBOX_REMOTE", `The sandbox node "${name}" refused the run: ${message}`);
}

function unavailable(found: Finding, patienceMs: number): SandboxError {
  const within = `within ${patienceMs / 1000} s (FETTLE_SANDBOX_WAIT)`;
  const mend = 'Start one with "fettle sandbox", with the same NATS_URL and FETTLE_MESH.';
  switch (found.type) {
    case "busy": {
      const message = `Cannot run the code: no sandbox node had room ${within}. Try again later, or start more with "fettle sandbox".`;
      return new SandboxError("SANDBOX_BUSY", message, { retryable: true });
    }
    case "version": {
      const message = `Cannot run the code: the sandbox node "${found.name}" speaks another version, and no other was there ${within}. ${found.message}`;
      return new SandboxError("SANDBOX_REMOTE", message, { retryable: true });
    }
    case "silent": {
      const message = `Cannot run the code: no sandbox node answered ${within}. ${mend}`;
      return new SandboxError("SANDBOX_REMOTE", message, { retryable: true });
    }
    default: {
      const message = `Cannot run the code: SANDBOX_MODE is remote, and no sandbox node was there ${within}. ${mend}`;
      return new SandboxError("SANDBOX_REMOTE", message, { retryable: true });
    }
  }
}
