// What a role has learnt: values that stay, each with a shorter text where a model has written one.
// Invariant: what was saved is never changed by compressing it; a shorter text counts for the one revision that it was
// made of, so that a value saved anew is never told by an old summary.
import { z } from "zod";
import { encode } from "./core/codec.ts";
import { askForSummary } from "./core/compression.ts";
import { DefinitionError, messageOf, StorageError, UnknownError, ValueError } from "./core/errors.ts";
import { estimateTokens } from "./core/estimate.ts";
import type { CompressedMemory, CompressOptions, LongTermMemory, RehydratedMemory } from "./core/memory.ts";
import type { Model } from "./core/model.ts";
import { toReadable } from "./readable.ts";
import { Shelf, type Shelved, type ShelfStores } from "./shelf.ts";

const summarySchema = z.object({
  /** The revision of the value that it was made of. */
  of: z.number(),
  text: z.string(),
  tokens: z.number(),
  model: z.string().nullable(),
});

type Summary = z.infer<typeof summarySchema>;

/** The models that compress. */
export interface SummaryModels {
  /** Gives the one that compresses where a call names none. */
  readonly model: () => Model;
  /** What each of them is asked through. */
  readonly meter: (model: Model) => Model;
}

/** Long-term memory of one role. */
export class RoleMemory implements LongTermMemory {
  readonly #role: string;
  readonly #values: Shelf;
  readonly #summaries: Shelf;
  readonly #models: SummaryModels;

  constructor(stores: ShelfStores, role: string, models: SummaryModels) {
    this.#role = role;
    this.#values = new Shelf(stores, "long-term", role);
    this.#summaries = new Shelf(stores, "summaries", role);
    this.#models = models;
  }

  async save(key: string, value: unknown): Promise<void> {
    await this.#values.set(key, value);
  }

  async load(key: string): Promise<unknown> {
    return (await this.#values.get(key))?.value;
  }

  async has(key: string): Promise<boolean> {
    return this.#values.has(key);
  }

  async delete(key: string): Promise<void> {
    await this.#values.delete(key);
    await this.#summaries.delete(key);
  }

  async keys(prefix?: string): Promise<readonly string[]> {
    return this.#values.keys(prefix);
  }

  async compress(what: string | readonly string[], options: CompressOptions): Promise<CompressedMemory> {
    const { maxTokens, as, model, signal } = options;
    if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
      throw new DefinitionError(
        `compress: maxTokens must be a whole number from 1, not ${String(maxTokens)}.`,
      );
    }
    const { key, shelved } = await this.#subject(what, as);
    const known = await this.#summaryOf(key, shelved);
    if (known !== null && known.tokens <= maxTokens) return compressed(key, known);
    const sources = sourcesOf(shelved.value);
    const whole = sources.join("\n\n");
    const tokens = estimateTokens(whole);
    const { meter, model: usual } = this.#models;
    const shorter =
      tokens <= maxTokens
        ? { text: whole, tokens, model: null }
        : await askForSummary(meter(model ?? usual()), { what: `"${key}"`, sources, maxTokens, signal });
    await this.#summaries.set(key, { of: shelved.revision, ...shorter } satisfies Summary);
    return { key, ...shorter };
  }

  async rehydrate(
    key: string,
    options: { readonly maxTokens?: number | undefined } = {},
  ): Promise<RehydratedMemory | null> {
    const shelved = await this.#values.get(key);
    if (shelved === null) return null;
    const room = options.maxTokens ?? Infinity;
    const sources = sourcesOf(shelved.value);
    const summary = await this.#summaryOf(key, shelved);
    const whole = sources.length === 1 ? (sources[0] ?? "") : sources.map(numbered).join("\n\n");
    const wholeTokens = estimateTokens(whole);
    if (wholeTokens <= room && (summary === null || options.maxTokens !== undefined)) {
      return { key, text: whole, tokens: wholeTokens, isCompressed: false, sources };
    }
    if (summary === null || summary.tokens > room) throw this.#tooLong(key, room, wholeTokens, summary);
    let { text, tokens } = summary;
    for (const [index, source] of options.maxTokens === undefined ? [] : sources.entries()) {
      const added = `\n\n${numbered(source, index)}`;
      const more = tokens + estimateTokens(added);
      if (more > room) continue;
      text += added;
      tokens = more;
    }
    return { key, text, tokens, isCompressed: true, sources };
  }

  /** What is to be compressed, after texts were saved; texts that are there already are not saved again. */
  async #subject(
    what: string | readonly string[],
    as: string | undefined,
  ): Promise<{ readonly key: string; readonly shelved: Shelved }> {
    const key = as ?? what;
    if (typeof key !== "string") {
      throw new DefinitionError('compress: texts need a key to be kept under: { as: "key" }.');
    }
    const source = typeof what === "string" ? await this.#values.get(what) : { value: [...what] };
    if (source === null) {
      throw new UnknownError(
        "MEMORY_UNKNOWN",
        `Cannot compress "${key}": role "${this.#role}" has saved nothing under "${String(what)}".`,
      );
    }
    const before = await this.#values.get(key);
    if (before !== null && encode(before.value) === encode(source.value)) return { key, shelved: before };
    await this.#values.set(key, source.value);
    const after = await this.#values.get(key);
    return { key, shelved: after ?? { value: source.value, revision: 0 } };
  }

  /** The shorter text of a value; null where there is none, or one of an older value only. */
  async #summaryOf(key: string, { revision }: Shelved): Promise<Summary | null> {
    const stored = await this.#summaries.get(key);
    if (stored === null) return null;
    const summary = summarySchema.safeParse(stored.value);
    if (!summary.success) {
      throw new StorageError(
        "INTEGRITY",
        `Cannot read the summary of "${key}": it is not what Fettle writes (${messageOf(summary.error)}).`,
      );
    }
    return summary.data.of === revision ? summary.data : null;
  }

  #tooLong(key: string, room: number, whole: number, summary: Summary | null): ValueError {
    const found =
      summary === null ? "it was not compressed" : `compressed, it may take ${summary.tokens} tokens`;
    return new ValueError(
      "VALUE_TOO_LARGE",
      `Cannot put "${key}" of role "${this.#role}" into ${room} tokens: it may take ${whole}, and ${found}. ` +
        `Compress it with maxTokens: ${room} first, or allow more.`,
      "$",
    );
  }
}

function compressed(key: string, { text, tokens, model }: Summary): CompressedMemory {
  return { key, text, tokens, model };
}

/** A value as texts for a model: itself, or each item of a list. */
function sourcesOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(toReadable(value), null, 1);
}

function numbered(source: string, index: number): string {
  return `[${index + 1}] ${source}`;
}
