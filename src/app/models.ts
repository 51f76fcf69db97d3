// The model that the settings choose: configured providers in order, recorded or played back as told.
// Invariant: answers are played back only where the settings or the caller said so, and whoever opens the model
// learns which it was.
import { fileURLToPath } from "node:url";
import { systemClock, type Clock } from "../core/clock.ts";
import { NoModelError } from "../core/errors.ts";
import { silentLog, type Log } from "../core/log.ts";
import type { Model } from "../core/model.ts";
import type { PriceTable } from "../model/prices.ts";
import { recordModel, type RecordingEntry } from "../model/recording.ts";
import { createReplayModel } from "../model/replay.ts";
import { resolveModel } from "../model/resolve.ts";
import { loadConfig, secretsOf, type Config } from "./config.ts";

/** What {@link openModel} takes. */
export interface OpenModelOptions {
  /** The settings; read from the environment and `.env` where absent. */
  readonly config?: Config | undefined;
  /** Answers to play back where no provider is configured: a recording's file, or entries. */
  readonly fallback?: string | URL | readonly RecordingEntry[] | undefined;
  /** Prices in USD per million tokens that go before the built-in ones. */
  readonly prices?: PriceTable | undefined;
  /** The time that retries wait by; the machine's where absent. */
  readonly clock?: Clock | undefined;
  /** Told of retries and fallbacks; nobody where absent. */
  readonly log?: Log | undefined;
}

/** A model and where its answers come from. */
export interface OpenedModel {
  /** The model, with its retries and fallbacks. */
  readonly model: Model;
  /** `recorded`: answers are played back, nothing is asked or paid. */
  readonly source: "provider" | "recorded";
}

/**
 * Opens the model that the settings choose.
 *
 * @throws NoModelError that lists what to set, where no provider is configured and there is no fallback;
 * ConfigError where one is configured in part; ReplayError where a recording cannot be used.
 */
export function openModel(options: OpenModelOptions = {}): OpenedModel {
  const config = options.config ?? loadConfig();
  const secrets = secretsOf(config);
  if (config.replay !== undefined) {
    return { model: createReplayModel(config.replay, { secrets }), source: "recorded" };
  }
  const provided = openProviders(config, options);
  if (provided === null) {
    const { fallback = [] } = options;
    const source = fallback instanceof URL ? fileURLToPath(fallback) : fallback;
    return { model: createReplayModel(source, { secrets }), source: "recorded" };
  }
  const model = config.record === undefined ? provided : recordModel(provided, config.record, { secrets });
  return { model, source: "provider" };
}

/** Says in one line where the answers of an opened model come from. */
export function introduceModel({ model, source }: OpenedModel, config: Config): string {
  if (source === "provider") return `Asking ${model.name}.`;
  const real = "Charts, sandbox and repair are real.";
  if (config.replay !== undefined) return `Playing back ${config.replay}, as FETTLE_REPLAY says. ${real}`;
  return `No model provider is configured: playing back recorded answers. ${real}`;
}

/** The configured providers; null where there is none and the caller has a fallback. */
function openProviders(config: Config, options: OpenModelOptions): Model | null {
  const log = options.log ?? silentLog;
  try {
    return resolveModel(config.models, {
      order: config.modelOrder,
      prices: options.prices,
      clock: options.clock ?? systemClock,
      onFallback: (failed, error, next) =>
        log.warn({ err: error, model: failed.name, next: next.name }, "a model failed; asking the next"),
    });
  } catch (thrown) {
    if (thrown instanceof NoModelError && options.fallback !== undefined) return null;
    throw thrown;
  }
}
