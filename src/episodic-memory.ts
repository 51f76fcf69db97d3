// What happened, in order: a ledger for each workflow, or for each task that is in none.
// Invariant: an episode stays as it was told; several tasks and processes may tell at once, and what is told with an id
// is told once.
import { z } from "zod";
import { messageOf, StorageError } from "./core/errors.ts";
import type { Episode, EpisodicMemory, MemoryScope } from "./core/memory.ts";
import { requireName } from "./core/names.ts";
import type { Blobs, Ledger, LedgerEntry } from "./core/ports.ts";
import { StoredValues } from "./stored-values.ts";

const PAGE = 256;
const MAX_TRIES = 1000;

const storedSchema = z.object({
  role: z.string(),
  taskId: z.string(),
  id: z.string().optional(),
  event: z.string(),
});

type Stored = z.infer<typeof storedSchema>;

/** The episodes that one task tells and reads. */
export class LedgerEpisodes implements EpisodicMemory {
  readonly #ledger: Ledger;
  readonly #name: string;
  readonly #values: StoredValues;
  readonly #scope: MemoryScope;
  /** The ids of this task's episodes up to `#read`. */
  readonly #told = new Set<string>();
  #read = 0;
  /** Appends of this task go one after the other: they would only refuse one another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(stores: { readonly ledger: Ledger; readonly blobs: Blobs }, scope: MemoryScope) {
    const { workflowId, taskId } = scope;
    const [kind, owner] = workflowId === undefined ? ["task", taskId] : ["workflow", workflowId];
    requireName(owner, `The ${kind} of a memory`);
    this.#ledger = stores.ledger;
    this.#name = `episodes.${kind}.${owner}`;
    this.#values = new StoredValues(stores.blobs, `memory/episodes/${kind}/${owner}`);
    this.#scope = scope;
  }

  async append(event: unknown, options: { readonly id?: string | undefined } = {}): Promise<void> {
    const turn = this.#turn.then(() => this.#append(event, options.id));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async tail(count: number): Promise<readonly Episode[]> {
    const last = await this.#ledger.last(this.#name);
    if (last === null || !(count >= 1)) return [];
    // Sequences may have gaps, so that some steps back may be too few episodes: then further back.
    for (let span = Math.ceil(count); ; span *= 4) {
      const from = Math.max(1, last.sequence - span + 1);
      const entries = await this.#ledger.read(this.#name, { from });
      if (entries.length < count && from > 1) continue;
      return Promise.all(entries.slice(-count).map((entry) => this.#episodeOf(entry)));
    }
  }

  async *history(): AsyncGenerator<Episode> {
    for await (const entry of this.#entries(1)) yield this.#episodeOf(entry);
  }

  async #append(event: unknown, id: string | undefined): Promise<void> {
    if (id !== undefined && (await this.#isTold(id))) return;
    const { role, taskId } = this.#scope;
    const packed = await this.#values.pack(event);
    const payload = JSON.stringify({ role, taskId, id, event: packed } satisfies Stored);
    for (let attempt = 1; ; attempt += 1) {
      const expected = id === undefined ? await this.#end() : this.#read;
      try {
        await this.#ledger.append(this.#name, payload, expected);
        return;
      } catch (error) {
        const isConflict = error instanceof StorageError && error.code === "SEQUENCE_CONFLICT";
        // After another failure nobody knows whether it was stored: what it names must stay.
        if (!isConflict || attempt === MAX_TRIES) throw error;
      }
      if (id !== undefined && (await this.#isTold(id))) return this.#values.drop(packed);
    }
  }

  async #end(): Promise<number> {
    return (await this.#ledger.last(this.#name))?.sequence ?? 0;
  }

  /** Whether this task has told an episode of that id; reads what is new in the ledger. */
  async #isTold(id: string): Promise<boolean> {
    for await (const entry of this.#entries(this.#read + 1)) {
      const told = parseStored(this.#name, entry);
      if (told.id !== undefined && told.taskId === this.#scope.taskId) this.#told.add(told.id);
      this.#read = entry.sequence;
    }
    return this.#told.has(id);
  }

  async *#entries(first: number): AsyncGenerator<LedgerEntry> {
    for (let from = first; ;) {
      const page = await this.#ledger.read(this.#name, { from, limit: PAGE });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      from = last.sequence + 1;
    }
  }

  async #episodeOf(entry: LedgerEntry): Promise<Episode> {
    const { role, taskId, event } = parseStored(this.#name, entry);
    return { sequence: entry.sequence, at: entry.at, role, taskId, event: await this.#values.unpack(event) };
  }
}

function parseStored(ledger: string, entry: LedgerEntry): Stored {
  try {
    return storedSchema.parse(JSON.parse(entry.payload));
  } catch (error) {
    throw new StorageError(
      "INTEGRITY",
      `Cannot read episode ${entry.sequence} of ledger "${ledger}": it is not what Fettle writes (${messageOf(error)}).`,
      { cause: error },
    );
  }
}
