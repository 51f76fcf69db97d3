// What an agent can remember, and for how long: notes of a task, the story of a workflow, what a role has learnt, and
// what earlier steps gave.
// Invariant: values cross by the codec, so that what comes back equals what was kept; a key cannot leave its place.
import { StorageError } from "./errors.ts";
import { requireKey } from "./grammar.ts";
import type { Model } from "./model.ts";

/** Whose memory it is: all names. */
export interface MemoryScope {
  /** Long-term memory is the role's. */
  readonly role: string;
  /** Working memory is the task's, and episodes where it is in no workflow. */
  readonly taskId: string;
  /** Episodes are the workflow's. */
  readonly workflowId?: string | undefined;
}

/** Everything that an agent remembers; keys are dot-separated parts of letters, digits and `_=/-`, 250 at most. */
export interface Memory {
  /** The notes of one task, gone at its end. */
  readonly working: WorkingMemory;
  /** What happened to the agent, in order. */
  readonly episodic: EpisodicMemory;
  /** What the agent keeps beyond its tasks. */
  readonly longTerm: LongTermMemory;
  /** What the earlier steps of the workflow gave. */
  readonly outputs: OutputMemory;
}

/** Notes of one task; they outlive a restart of it, and end with it. */
export interface WorkingMemory {
  /** Undefined where there is no such note. */
  get(key: string): Promise<unknown>;
  /** @throws ValueError where the codec cannot carry the value. */
  set(key: string, value: unknown): Promise<void>;
  /** Whether there is a note of that name. */
  has(key: string): Promise<boolean>;
  /** Does nothing where there is none. */
  delete(key: string): Promise<void>;
  /** Sorted by their characters. */
  keys(): Promise<readonly string[]>;
  /** All notes by their names. */
  all(): Promise<Readonly<Record<string, unknown>>>;
}

/** Something that happened. */
export interface Episode {
  /** Grows from one to the next, not always by 1. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Who told it. */
  readonly role: string;
  readonly taskId: string;
  readonly event: unknown;
}

/** The story of a workflow, or of a task that is in none: what is in it stays as it is. */
export interface EpisodicMemory {
  /**
   * Adds an event at the end; other tasks may do so at once. With an `id` the task adds it once, however often this is
   * repeated: a handler or tool that may be repeated after a crash should give one, such as its call's id.
   *
   * @throws ValueError where the codec cannot carry the event.
   */
  append(event: unknown, options?: { readonly id?: string | undefined }): Promise<void>;
  /** The last episodes, at most `count`, oldest first. */
  tail(count: number): Promise<readonly Episode[]>;
  /** All episodes, oldest first, read as they are taken. */
  history(): AsyncIterable<Episode>;
}

/** How a memory is made shorter. */
export interface CompressOptions {
  /** What the compressed text may take, in tokens of the model that writes it. */
  readonly maxTokens: number;
  /** The key to keep texts under; needed for texts. */
  readonly as?: string | undefined;
  /** The mesh's where absent. */
  readonly model?: Model | undefined;
  /** Ends the model's call when aborted; nothing is kept then. */
  readonly signal?: AbortSignal | undefined;
}

/** A memory made shorter. */
export interface CompressedMemory {
  readonly key: string;
  readonly text: string;
  /** At least what the text takes, and at most `maxTokens`. */
  readonly tokens: number;
  /** The model that wrote it, as `provider/model`; null where the text was short enough as it was. */
  readonly model: string | null;
}

/** A memory as text for a prompt. */
export interface RehydratedMemory extends Omit<CompressedMemory, "model"> {
  readonly isCompressed: boolean;
  /** What was remembered, whole: the text of the value, or of each item where it is a list. */
  readonly sources: readonly string[];
}

/** What a role has learnt: it stays until it is deleted. */
export interface LongTermMemory {
  /** @throws ValueError where the codec cannot carry the value. */
  save(key: string, value: unknown): Promise<void>;
  /** What was saved, whole, compressed or not; undefined where there is no such key. */
  load(key: string): Promise<unknown>;
  /** Whether something is kept under a key. */
  has(key: string): Promise<boolean>;
  /** Does nothing where nothing is kept under it. */
  delete(key: string): Promise<void>;
  /** Sorted by their characters. */
  keys(prefix?: string): Promise<readonly string[]>;
  /**
   * Has a model make what is under a key shorter, or texts, which are kept under the key `as`. What was saved stays;
   * what is short enough, or was compressed as far before, costs no model call.
   *
   * @throws ModelError where the model's text is too long twice, and what the model throws; UnknownError
   * `MEMORY_UNKNOWN` where there is nothing under the key.
   */
  compress(what: string | readonly string[], options: CompressOptions): Promise<CompressedMemory>;
  /**
   * What is under a key as text for a prompt; null where there is no such key. Compressed where it was compressed; with
   * `maxTokens`, whole where that fits by a cautious estimate, else compressed and followed by those of its sources that
   * fit, each with its number.
   *
   * @throws ValueError `VALUE_TOO_LARGE` where it does not fit and was not compressed as far.
   */
  rehydrate(
    key: string,
    options?: { readonly maxTokens?: number | undefined },
  ): Promise<RehydratedMemory | null>;
}

/** Outputs of the steps of the workflow that came before. */
export interface OutputMemory {
  /** @throws UnknownError `MEMORY_UNKNOWN` where no such step came before. */
  get(step: string): Promise<unknown>;
  /** Whether such a step came before. */
  has(step: string): Promise<boolean>;
  /** The ids of the steps that came before. */
  keys(): Promise<readonly string[]>;
  /** All outputs by the ids of their steps. */
  all(): Promise<Readonly<Record<string, unknown>>>;
}

/** Where {@link OutputMemory} finds the outputs. */
export interface Outputs {
  /** The output of a step; undefined where there is none. */
  get(step: string): unknown;
  /** The ids of the steps that have outputs. */
  keys(): readonly string[] | Promise<readonly string[]>;
}

/** With the names of a mesh and of an owner before it, a key has the 512 characters that every fabric takes. */
const LONGEST_KEY = 250;

/** Throws unless a key may be used in a memory. */
export function requireMemoryKey(key: unknown): asserts key is string {
  if (typeof key === "string" && key.length <= LONGEST_KEY) {
    requireKey(key);
    return;
  }
  const found = typeof key === "string" ? `a key of ${key.length} characters` : `${typeof key} as a key`;
  throw new StorageError(
    "PATH_INVALID",
    `Cannot use ${found} of a memory: use dot-separated parts of letters, digits and "_=/-", at most ${LONGEST_KEY} characters.`,
  );
}
