// A watch over the keys of a bucket: it looks at the state file a few times a second, and at once when this process
// wrote, and tells what is new there since it looked last, whoever wrote it.
// Invariant: what was told is known, so that nothing is told twice, and a deletion only of what was told before.
import type { Clock } from "../../core/clock.ts";
import type { HandlerErrorHook, KeyValueChange } from "../../core/ports.ts";
import { wakeAfter } from "../expiry.ts";
import { changesAfter, entriesOf, GONE_LISTED_FOR, lastRevision, type Change } from "./key-value-entries.ts";
import type { StateDatabase } from "./shared-database.ts";
import type { StateFile } from "./state-file.ts";

/** What a watch needs. */
export interface WatchParts {
  readonly file: StateFile;
  readonly clock: Clock;
  readonly onHandlerError: HandlerErrorHook;
  readonly bucket: string;
  readonly prefix: string;
  readonly handler: (change: KeyValueChange) => void;
}

/** How often the file is looked at, in milliseconds. */
const LOOK_EVERY = 200;

/** After so long a pause (a machine asleep) all is compared anew, as changes may not be listed any more. */
const LISTED_SAFELY = GONE_LISTED_FOR / 2;

/** One watch; made by `EmbeddedKeyValue.watch`. */
export class Watch {
  readonly bucket: string;
  readonly #parts: WatchParts;
  readonly #known = new Map<string, { readonly revision: number; readonly expiresAt: number }>();
  #last = 0;
  #lookedAt = -Infinity;
  /** From the beginning: who writes before the first look is over asks for one more. */
  #looking = true;
  #again = false;
  #failing = false;
  #stopped = false;
  #timer: unknown;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.bucket = parts.bucket;
  }

  /**
   * Tells what is there, then goes on by itself.
   *
   * @throws StorageError where the file cannot be read.
   */
  async start(): Promise<void> {
    await this.#lookOnce();
    this.#looking = false;
    if (this.#again) this.look();
    else this.#schedule();
  }

  /** Looks now, or once more where a look is under way. */
  look(): void {
    this.#again = true;
    if (!this.#looking) void this.#lookOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.clock.clearTimeout(this.#timer);
  }

  /** Looks as long as somebody asks for it meanwhile, or a key expires. */
  async #lookOn(): Promise<void> {
    const { clock } = this.#parts;
    this.#looking = true;
    do {
      this.#again = false;
      try {
        await this.#lookOnce();
        this.#failing = false;
      } catch (error) {
        if (!this.#failing && !this.#stopped) this.#report(error);
        this.#failing = true; // Told once; it looks on, and tells what was missed once that works again.
      }
    } while (!this.#stopped && !this.#failing && (this.#again || this.#nextExpiry() <= clock.now()));
    this.#looking = false;
    this.#schedule();
  }

  async #lookOnce(): Promise<void> {
    const { file, clock, bucket } = this.#parts;
    // Before the file is read: what is past its time by then, and was not written again, is gone for sure.
    const now = clock.now();
    const changes = await file.read(`watch bucket "${bucket}"`, (database) => {
      const found = this.#changesIn(database, now);
      this.#last = lastRevision(database, bucket);
      return found;
    });
    this.#lookedAt = now;
    for (const change of changes) this.#take(change);
    for (const [key, { expiresAt }] of this.#known) if (expiresAt <= now) this.#take({ key, live: null });
  }

  #changesIn(database: StateDatabase, now: number): readonly Change[] {
    const { bucket, prefix } = this.#parts;
    if (now - this.#lookedAt < LISTED_SAFELY) {
      return changesAfter(database, bucket, this.#last, now).filter(({ key }) => key.startsWith(prefix));
    }
    const there = entriesOf(database, bucket, prefix, now).map((live) => ({ key: live.key, live }));
    const keys = new Set(there.map(({ key }) => key));
    const gone = [...this.#known.keys()].filter((key) => !keys.has(key));
    return [...gone.map((key) => ({ key, live: null })), ...there];
  }

  #take({ key, live }: Change): void {
    if (live === null) {
      if (this.#known.delete(key)) this.#tell({ type: "delete", key });
      return;
    }
    const { value, revision, expiresAt } = live;
    if (this.#known.get(key)?.revision === revision) return;
    this.#known.set(key, { revision, expiresAt });
    this.#tell({ type: "put", key, value, revision });
  }

  #tell(change: KeyValueChange): void {
    if (this.#stopped) return;
    try {
      this.#parts.handler(change);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    this.#parts.onHandlerError(error, `key-value ${this.bucket}`);
  }

  /** Sets the time of the next look: after a while, or when the next key expires. */
  #schedule(): void {
    const { clock } = this.#parts;
    clock.clearTimeout(this.#timer);
    if (this.#stopped) return;
    const delay = this.#failing ? LOOK_EVERY : Math.min(LOOK_EVERY, this.#nextExpiry() - clock.now());
    this.#timer = wakeAfter(clock, delay, () => this.look());
  }

  #nextExpiry(): number {
    let next = Infinity;
    for (const { expiresAt } of this.#known.values()) next = Math.min(next, expiresAt);
    return next;
  }
}
