// Keeps the chunks of an object while somebody streams them: whoever replaced the object asks first, and leaves the
// chunks to the reader that answers. What is one chunk needs none of this: it is read at once.
// Invariant: of those who replaced and those who read, the last one removes the chunks; nobody waits for a reader.
import { ErrorCode, type Subscription } from "nats";
import { codeOf } from "./failure.ts";
import type { NatsLink } from "./link.ts";

/** So long is an answer of readers waited for, in milliseconds; that nobody listens is known at once. */
const ANSWER_MS = 2_000;

/** What this fabric's readers hold. */
export class ObjectHolds {
  readonly #link: NatsLink;
  readonly #remove: (id: string) => Promise<void>;

  /** `remove` removes an object's chunks. */
  constructor(link: NatsLink, remove: (id: string) => Promise<void>) {
    this.#link = link;
    this.#remove = remove;
  }

  /** Holds an object's chunks, until the function that it gives is called; that it is held is known after the next answer. */
  hold(id: string): () => void {
    let isAbandoned = false;
    const held: Subscription = this.#link.subscribe(this.#link.names.reading(id), {
      callback: (error, message) => {
        if (error !== null) return;
        isAbandoned = true;
        message.respond();
      },
    });
    return () => {
      if (held.isClosed()) return;
      held.unsubscribe();
      if (isAbandoned) this.#link.background("remove a replaced blob", () => this.abandon(id));
    };
  }

  /** Removes an object's chunks, unless somebody reads them: then whoever reads them last does it. */
  async abandon(id: string): Promise<void> {
    const attempt = "ask who reads a replaced blob";
    const isHeld = await this.#link.call(attempt, () => this.#isHeld(id));
    if (!isHeld) await this.#remove(id);
  }

  async #isHeld(id: string): Promise<boolean> {
    const { connection, names } = this.#link;
    try {
      await connection.request(names.reading(id), "", { timeout: ANSWER_MS });
      return true;
    } catch (thrown) {
      const code = codeOf(thrown);
      // Others may listen to all that is said, so that there are "responders" who never answer.
      if (code === ErrorCode.NoResponders || code === ErrorCode.Timeout) return false;
      throw thrown;
    }
  }
}
