// A model for tests: it answers what it was told to, remembers what it was asked, and can be slow or fail.
// Invariant: no randomness and no real time: the same script gives the same run, and delays pass on a movable clock.
import { systemClock, type Clock } from "../core/clock.ts";
import { CancelledError, ModelError, ReplayError } from "../core/errors.ts";
import {
  NO_TOKENS,
  type Model,
  type ModelAnswer,
  type ModelCallOptions,
  type ModelRequest,
} from "../core/model.ts";
import { createDeadline, untilAborted, wait } from "./deadline.ts";

/** One answer of a script: the text alone, the text with details, or an error to fail with. */
export type ScriptedAnswer = string | Error | (Partial<ModelAnswer> & ScriptedDetails);

/** What a scripted answer can say beyond a {@link ModelAnswer}. */
export interface ScriptedDetails {
  /** The whole answer. */
  readonly text: string;
  /** Milliseconds to let pass on the clock before answering. */
  readonly delayMs?: number;
  /** The pieces for `onText`; the whole text at once where absent. */
  readonly chunks?: readonly string[];
}

/** The answers in order, or a function of each request and its index from 0. */
export type Script =
  | readonly ScriptedAnswer[]
  | ((request: ModelRequest, index: number) => ScriptedAnswer | Promise<ScriptedAnswer>);

/** The options of {@link createScriptedModel}. */
export interface ScriptedOptions {
  /** What answers say of themselves where they do not themselves; `costUsd` is 0 unless given. */
  readonly answer?: Partial<ModelAnswer> | undefined;
  /** The time that delays go by; the machine's where absent. */
  readonly clock?: Clock | undefined;
}

/** A scripted model and what it has seen. */
export interface ScriptedModel extends Model {
  /** Every request so far, oldest first. */
  readonly requests: readonly ModelRequest[];
}

/**
 * A model that answers from a script.
 *
 * @example
 * const model = createScriptedModel(["result = 1", { text: "result = 2", delayMs: 50 }, new Error("down")]);
 */
export function createScriptedModel(script: Script, options: ScriptedOptions = {}): ScriptedModel {
  const clock = options.clock ?? systemClock;
  const defaults = {
    provider: "scripted",
    model: "script",
    tokens: NO_TOKENS,
    costUsd: 0,
    finish: "stop" as const,
    replayed: false,
    ...options.answer,
  };
  const name = `${defaults.provider}/${defaults.model}`;
  const requests: ModelRequest[] = [];
  return {
    name,
    requests,
    costOf: () => defaults.costUsd,
    async ask(request, call = {}) {
      if (call.beforeSend !== undefined) await call.beforeSend();
      const index = requests.push(request) - 1;
      const deadline = createDeadline(clock, call);
      try {
        const answer =
          typeof script === "function"
            ? await untilAborted(Promise.resolve(script(request, index)), deadline.signal, `asking ${name}`)
            : script[index];
        if (answer === undefined) throw outOfAnswers(index, request);
        if (answer instanceof Error) throw answer;
        const { delayMs = 0, chunks, ...given } = typeof answer === "string" ? { text: answer } : answer;
        if (delayMs > 0 || deadline.signal.aborted) await wait(clock, delayMs, deadline.signal);
        for (const chunk of chunks ?? [given.text]) deliver(chunk, call);
        return { ...defaults, ...given };
      } catch (error) {
        if (error instanceof CancelledError && deadline.expired()) {
          throw new ModelError(`${name} gave no answer within ${call.timeoutMs ?? 0} ms.`, {
            provider: defaults.provider,
            failure: "timeout",
            retryable: true,
          });
        }
        throw error;
      } finally {
        deadline.dispose();
      }
    },
  };
}

function deliver(chunk: string, call: ModelCallOptions): void {
  if (chunk !== "") call.onText?.(chunk);
}

function outOfAnswers(index: number, request: ModelRequest): ReplayError {
  const asked = request.messages.at(-1)?.content ?? "";
  return new ReplayError(
    "REPLAY_MISS",
    `The script has no answer for request ${index + 1} (${request.purpose}): ${JSON.stringify(asked.slice(0, 200))}.`,
  );
}
