// The roles that a mesh has had agents for, on whatever node: so that a task can be accepted for one that lives
// elsewhere, or nowhere for a moment, and one that is only misspelt is refused.
// Invariant: a role's entry outlives its nodes; it is written only where it differs.
import { z } from "zod";
import type { AgentDefinition } from "./core/agent.ts";
import type { KeyValue } from "./core/ports.ts";

const BUCKET = "roles";

const entrySchema = z.object({
  v: z.number().int().min(1),
  role: z.string(),
  capabilities: z.array(z.string()),
  /** The most that a task's context may hold, encoded, in bytes; undefined for the usual bound. */
  contextBytes: z.number().optional(),
  /** There where what is sent to the role waits in a queue. */
  mailbox: z.literal("durable").optional().catch(undefined),
});

/** What is known of a role wherever its agents run. */
export type RoleEntry = z.infer<typeof entrySchema>;

/** Keeps what is known of roles. */
export class RoleBook {
  readonly #keyValue: KeyValue;
  readonly #known = new Map<string, RoleEntry>();

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue;
  }

  /** Notes an agent that runs here. @throws StorageError */
  async note({ role, capabilities, limits, mailbox }: AgentDefinition): Promise<void> {
    const entry: RoleEntry = {
      v: 1,
      role,
      capabilities: [...capabilities],
      contextBytes: limits.contextBytes,
      mailbox: mailbox === "durable" ? mailbox : undefined,
    };
    const text = JSON.stringify(entry);
    const found = await this.#keyValue.get(BUCKET, role);
    if (found?.value !== text) await this.#keyValue.put(BUCKET, role, text);
  }

  /** What is known of a role; null where no node ever had an agent for it. @throws StorageError */
  async find(role: string): Promise<RoleEntry | null> {
    const known = this.#known.get(role);
    if (known !== undefined) return known;
    const found = await this.#keyValue.get(BUCKET, role);
    if (found === null) return null;
    const entry = entrySchema.parse(JSON.parse(found.value));
    this.#known.set(role, entry);
    return entry;
  }

  /** The roles that have an entry. @throws StorageError */
  roles(): Promise<readonly string[]> {
    return this.#keyValue.keys(BUCKET);
  }
}
