// The metrics of OpenTelemetry's conventions for generative AI: tokens, and how long operations take.
// Invariant: only what is recorded is measured, so each thing once; an answer from a recording is no operation.
import type { Attributes, Histogram, Meter } from "@opentelemetry/api";
import type { JournalEntry } from "../core/journal.ts";
import type { ModelAnswer } from "../core/model.ts";
import type { EffectKey, Hearing, TaskStart, TaskTelemetry } from "../core/telemetry.ts";
import { ATTRIBUTE, providerName } from "./genai.ts";
import { CallTimes } from "./call-times.ts";
import type { LabelValues } from "./label-values.ts";

/** The boundaries that the conventions ask for. */
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/** The instruments. */
export class GenaiMeter {
  readonly #usage: Histogram;
  readonly #duration: Histogram;
  readonly #values: LabelValues;

  constructor(meter: Meter, values: LabelValues) {
    this.#values = values;
    this.#usage = meter.createHistogram("gen_ai.client.token.usage", {
      description: "Number of input and output tokens used.",
      unit: "{token}",
      advice: { explicitBucketBoundaries: TOKENS },
    });
    this.#duration = meter.createHistogram("gen_ai.client.operation.duration", {
      description: "GenAI operation duration.",
      unit: "s",
      advice: { explicitBucketBoundaries: SECONDS },
    });
  }

  /** An answer of a model, after so many milliseconds. */
  answered(answer: ModelAnswer, ms: number): void {
    if (answer.replayed) return;
    const { input, output, cacheRead, cacheWrite } = answer.tokens;
    const attributes = {
      [ATTRIBUTE.operation]: "chat",
      [ATTRIBUTE.provider]: this.#values.of("provider", providerName(answer.provider)),
      [ATTRIBUTE.responseModel]: this.#values.of("model", answer.model),
    };
    this.#usage.record(input + cacheRead + cacheWrite, { ...attributes, [ATTRIBUTE.tokenType]: "input" });
    this.#usage.record(output, { ...attributes, [ATTRIBUTE.tokenType]: "output" });
    this.took(ms, attributes);
  }

  /** An operation that took so many milliseconds. */
  took(ms: number, attributes: Attributes): void {
    this.#duration.record(Math.max(0, ms) / 1000, attributes);
  }

  /** Measures one task. */
  task(start: TaskStart): TaskTelemetry {
    return new GenaiTask(start, this, this.#values);
  }
}

class GenaiTask implements TaskTelemetry {
  readonly trace = undefined;
  readonly #meter: GenaiMeter;
  readonly #values: LabelValues;
  readonly #role: string;
  readonly #calls: CallTimes;

  constructor({ role, before }: TaskStart, meter: GenaiMeter, values: LabelValues) {
    this.#calls = new CallTimes(before);
    this.#meter = meter;
    this.#values = values;
    this.#role = values.of("role", role);
  }

  heard(entry: JournalEntry, how: Hearing): void {
    if (how !== "recorded") return;
    this.#calls.begun(entry);
    switch (entry.type) {
      case "model-answered":
        this.#meter.answered(entry.answer, this.#calls.ended(entry).ms ?? 0);
        break;
      case "model-failed":
        this.#took("chat", this.#calls.ended(entry).ms ?? 0, { [ATTRIBUTE.error]: entry.error.name });
        break;
      case "tool-returned": {
        const { tool, ms } = this.#calls.ended(entry);
        const error = entry.ok ? {} : { [ATTRIBUTE.error]: "_OTHER" };
        if (ms === null) break;
        this.#took("execute_tool", ms, { [ATTRIBUTE.tool]: this.#values.of("tool", tool), ...error });
        break;
      }
      case "finished": {
        const { executionTime, status, error } = entry.result;
        this.#took("invoke_agent", executionTime * 1000, {
          [ATTRIBUTE.agent]: this.#role,
          ...(status === "success" ? {} : { [ATTRIBUTE.error]: error?.category ?? status }),
        });
        break;
      }
      default:
    }
  }

  within<T>(effect: EffectKey, work: () => T): T {
    this.#calls.made(effect);
    return work();
  }

  end(): void {
    // Nothing is under way that would have to be ended.
  }

  #took(operation: string, ms: number, attributes: Attributes): void {
    this.#meter.took(ms, { [ATTRIBUTE.operation]: operation, ...attributes });
  }
}
