// Several models as one: the first that answers wins, and the answer says which it was.
// Invariant: a model is left for the next only after it failed for good; never because the caller aborted, and all
// of them share the one deadline of the call.
import { systemClock, type Clock } from "../core/clock.ts";
import { CancelledError, ConfigError, ModelError } from "../core/errors.ts";
import type { Model } from "../core/model.ts";
import { createTextFeed } from "./feed.ts";

/** The options of {@link chainModels}. */
export interface ChainOptions {
  /** The time that the call's deadline goes by; the machine's where absent. */
  readonly clock?: Clock | undefined;
  /** Told of each model that is left for the next, as for a log. */
  readonly onFallback?: ((failed: Model, error: ModelError, next: Model) => void) | undefined;
}

/**
 * Asks models in order until one answers. A request's own `model` is meant for the first of them; the others are asked
 * for the model that they are configured with.
 *
 * @throws ConfigError where there is no model; ModelError, from `ask`, of provider `chain` where all failed.
 */
export function chainModels(models: readonly Model[], options: ChainOptions = {}): Model {
  const [only] = models;
  if (only === undefined) throw new ConfigError("A chain needs at least one model.");
  if (models.length === 1) return only;
  const clock = options.clock ?? systemClock;
  return {
    name: models.map((model) => model.name).join(" → "),
    isRecorded: models.some((model) => model.isRecorded === true),
    /** Any of them may answer: the dearest counts, and one without a price leaves it open. */
    costOf: (tokens, model) => {
      const costs = models.map((one, index) => one.costOf?.(tokens, index === 0 ? model : undefined) ?? null);
      return costs.some((cost) => cost === null) ? null : Math.max(...costs.map(Number));
    },
    async ask(request, callOptions = {}) {
      const { signal, timeoutMs } = callOptions;
      const endsAt = clock.now() + (timeoutMs ?? Infinity);
      const feed = createTextFeed(callOptions);
      const failures: ModelError[] = [];
      for (const [index, model] of models.entries()) {
        const remaining = endsAt - clock.now();
        if (remaining <= 0) break;
        try {
          return await model.ask(index === 0 ? request : { ...request, model: undefined }, {
            signal,
            timeoutMs: timeoutMs === undefined ? undefined : remaining,
            onText: feed.onText,
            onRestart: feed.onRestart,
            beforeSend: callOptions.beforeSend,
          });
        } catch (error) {
          if (signal?.aborted === true && !(error instanceof CancelledError)) {
            throw new CancelledError(`Cancelled while asking ${model.name}.`, { cause: error });
          }
          if (!(error instanceof ModelError)) throw error;
          failures.push(error);
          const next = models[index + 1];
          if (next === undefined) break;
          feed.restart(error);
          options.onFallback?.(model, error, next);
        }
      }
      throw allFailed(models, failures);
    },
  };
}

function allFailed(models: readonly Model[], failures: readonly ModelError[]): ModelError {
  const lines = models.map((model, index) => {
    const failure = failures[index];
    return `- ${model.name}: ${failure === undefined ? "not asked, the call's time was over." : failure.message}`;
  });
  const last = failures.at(-1);
  return new ModelError(`No model answered:\n${lines.join("\n")}`, {
    provider: "chain",
    failure: last?.failure ?? "timeout",
    status: last?.status,
    retryable: failures.some((failure) => failure.retryable),
    cause: new AggregateError(failures, "what each model failed with"),
  });
}
