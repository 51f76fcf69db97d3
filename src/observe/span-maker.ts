// Begins spans for whatever they are of, and decides what may be said in them.
// Invariant: what people and models wrote is said only where that was asked for, cut to a bounded length, and with no
// secret in it.
import {
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type HrTime,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import { redact } from "../core/secret.ts";

/** So much of a text is said, in characters. */
const LONGEST = 64 * 1024;

/** What {@link SpanMaker} is made with. */
export interface SpanMakerOptions {
  readonly tracer: Tracer;
  /** Whether prompts, answers, and what tools are given and return is said. */
  readonly hasContent: boolean;
  /** Values that are never said. */
  readonly secrets: readonly string[];
}

/** A span to be begun. */
export interface SpanStart {
  readonly name: string;
  readonly kind?: SpanKind | undefined;
  readonly attributes: Attributes;
  readonly parent: Context;
}

/** Makes spans. */
export class SpanMaker {
  readonly #options: SpanMakerOptions;

  constructor(options: SpanMakerOptions) {
    this.#options = options;
  }

  /** Begins a span at a time; gives it with the context for what is below it. */
  begin(
    { name, kind = SpanKind.INTERNAL, attributes, parent }: SpanStart,
    startTime: HrTime,
  ): { readonly span: Span; readonly context: Context } {
    const span = this.#options.tracer.startSpan(name, { kind, attributes, startTime }, parent);
    return { span, context: trace.setSpan(parent, span) };
  }

  /** The same texts as they may be said; none where they may not. */
  content(texts: Readonly<Record<string, string>>): Attributes {
    const { hasContent, secrets } = this.#options;
    if (!hasContent) return {};
    return Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [name, redact(text, secrets).slice(0, LONGEST)]),
    );
  }
}
