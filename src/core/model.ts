// The port to language models: a request that is plain data in, an answer with its true price out.
// Invariant: a request holds no secret and no live object, so that it can be recorded and matched by content.

/** One turn of the conversation with a model. */
export interface ModelMessage {
  /** Who speaks: `assistant` is the model itself, earlier. */
  readonly role: "user" | "assistant";
  /** What is said. */
  readonly content: string;
}

/** What a model is asked. */
export interface ModelRequest {
  /** Why it is asked: recorded and shown, not sent. */
  readonly purpose: "generate" | "repair" | "check" | "compress" | "route";
  /** What the model is told before the conversation. */
  readonly system: string;
  /** The conversation, oldest first. */
  readonly messages: readonly ModelMessage[];
  /** A wish: Anthropic's API has had no such parameter since its version 2026-10-21, and is not sent it. */
  readonly temperature?: number | undefined;
  /** The longest answer, in tokens; the model's own limit where absent. */
  readonly maxOutputTokens?: number | undefined;
  /** A model name in place of the provider's configured one; in a chain, of the first provider's. */
  readonly model?: string | undefined;
}

/** Tokens by the kinds that providers price apart; `input` excludes what was read from or written to a cache. */
export interface TokenUsage {
  /** Read as they are, not from a cache. */
  readonly input: number;
  /** Written by the model, its reasoning included. */
  readonly output: number;
  /** Read from the provider's cache. */
  readonly cacheRead: number;
  /** Written to the provider's cache. */
  readonly cacheWrite: number;
}

/** No tokens at all. */
export const NO_TOKENS: TokenUsage = Object.freeze({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0 });

/** The sum of two usages. */
export function addTokens(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
  };
}

/** What a model answered. */
export interface ModelAnswer {
  /** The whole answer. */
  readonly text: string;
  /** The provider that answered, such as `anthropic`, and the model by the provider's own name for it. */
  readonly provider: string;
  readonly model: string;
  /** By the provider's own count; all zero where it reported none (`costUsd` is then null). */
  readonly tokens: TokenUsage;
  /** US dollars; null where the price is unknown. */
  readonly costUsd: number | null;
  /** `length`: cut off at the output limit; `refusal`: the model declined. */
  readonly finish: "stop" | "length" | "refusal" | "other";
  /** Whether the answer was recorded earlier and played back: nothing was paid for it now. */
  readonly replayed: boolean;
}

/** The options of one model call. */
export interface ModelCallOptions {
  /** Ends the call when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** The whole call's time, its retries included, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Called with each piece of text as it arrives, where the provider streams. */
  readonly onText?: ((delta: string) => void) | undefined;
  /**
   * Called when text that `onText` delivered is void: its try failed half-way and the answer begins anew, from the
   * same model or the next in a chain. Called only where some text had been delivered.
   */
  readonly onRestart?: ((reason: Error) => void) | undefined;
  /**
   * Awaited right before each request leaves, that of a retry and of the next model in a chain too. Where it rejects,
   * nothing is sent and the call ends with its error: a process that stood still asks for nothing that another was
   * answered meanwhile.
   */
  readonly beforeSend?: (() => Promise<void>) | undefined;
}

/** A language model, or a chain of them. */
export interface Model {
  /** For logs and checks, such as `anthropic/claude-sonnet-4-5`. */
  readonly name: string;
  /**
   * Whether answers are found by a request's content, as in a recording: then requests are made from the task alone,
   * and not from what other tasks have left.
   */
  readonly isRecorded?: boolean | undefined;
  /**
   * What a usage would cost in US dollars, of a model named as in {@link ModelRequest}; null where the price is
   * unknown. Absent where nothing is known of prices: then as null.
   */
  costOf?(tokens: TokenUsage, model?: string): number | null;
  /**
   * Asks the model; resolves with its answer or rejects for good (retries are inside).
   *
   * @throws ModelError, ReplayError; CancelledError where `signal` was aborted.
   */
  ask(request: ModelRequest, options?: ModelCallOptions): Promise<ModelAnswer>;
}
