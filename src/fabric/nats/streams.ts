// Makes the streams that a mesh stands on, each when it is first needed, with limits that are said here.
// Invariant: making one that is there changes nothing but what may be changed safely; a stream of the same name that
// another mesh made is never touched.
import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig, type StreamInfo } from "nats";
import { StorageError } from "../../core/errors.ts";
import { pause } from "../../core/pause.ts";
import type { StreamKind } from "../../core/stream-names.ts";
import { API_ERROR, apiErrorOf, failure } from "./failure.ts";
import { DUPLICATE_WINDOW_MS, nanosecondsOf, type NatsLink } from "./link.ts";

/** So long are servers waited for that a cluster does not have yet, in milliseconds: it starts, or one is away. */
const GATHERING_MS = 20_000;
const GATHERING_PAUSE_MS = 250;

/** What a stream is for, and what is different about it. */
export type StreamPlan = Pick<StreamConfig, "name" | "subjects"> & Partial<StreamConfig>;

/** Makes streams once. */
export class Streams {
  readonly #link: NatsLink;
  readonly #made = new Map<string, Promise<StreamInfo>>();

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /** A stream that is no bucket, made where it is absent. @throws StorageError */
  async ensure(kind: StreamKind): Promise<string> {
    const { names } = this.#link;
    const name = names.stream(kind);
    await this.make({ name, subjects: [names.subjectsOf(kind)], ...LIMITS[kind] }, kind);
    return name;
  }

  /** Makes a stream as planned, where it is absent. `purpose` is what it is for, as in `queue`. @throws StorageError */
  make(plan: StreamPlan, purpose: string): Promise<StreamInfo> {
    const known = this.#made.get(plan.name);
    if (known !== undefined) return known;
    const made = this.#make(plan, purpose);
    this.#made.set(plan.name, made);
    made.catch(() => this.#made.delete(plan.name));
    return made;
  }

  /** The stream is looked for again when it is needed next: somebody deleted or changed it. */
  forget(name: string): void {
    this.#made.delete(name);
  }

  async #make(plan: StreamPlan, purpose: string): Promise<StreamInfo> {
    const { jsm, names, replicas, maxBytes } = this.#link;
    const attempt = `make the stream "${plan.name}"`;
    const description = `Fettle mesh "${names.mesh}": ${purpose}`;
    const config: Partial<StreamConfig> & { name: string } = {
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_bytes: maxBytes,
      num_replicas: replicas,
      duplicate_window: nanosecondsOf(DUPLICATE_WINDOW_MS),
      ...plan,
      description,
    };
    try {
      const info = await this.#link.call(
        attempt,
        async () => (await this.#find(plan.name)) ?? this.#addOnceGathered(config),
      );
      if (info.config.description !== description) {
        throw new StorageError(
          "STORAGE_FAILED",
          `Cannot ${attempt}: it is there for something else (${info.config.description ?? "it says not for what"}). ` +
            "Choose another name for the mesh (FETTLE_MESH), or remove that stream.",
        );
      }
      const { num_replicas, max_bytes } = info.config;
      if (num_replicas === config.num_replicas && max_bytes === config.max_bytes) return info;
      const limits = { num_replicas: replicas, max_bytes: maxBytes };
      return await this.#link.call(attempt, () => jsm.streams.update(plan.name, limits));
    } catch (thrown) {
      throw failure(attempt, thrown);
    }
  }

  async #find(name: string): Promise<StreamInfo | null> {
    try {
      return await this.#link.jsm.streams.info(name);
    } catch (thrown) {
      if (apiErrorOf(thrown) === API_ERROR.streamNotFound) return null;
      throw thrown;
    }
  }

  /** Adds a stream, which a cluster refuses while fewer servers than replicas are there. */
  async #addOnceGathered(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    const { clock, closed, log } = this.#link;
    const until = clock.now() + GATHERING_MS;
    let isTold = false;
    for (;;) {
      try {
        return await this.#add(config);
      } catch (thrown) {
        const isGathering = apiErrorOf(thrown) === API_ERROR.noPeers && clock.now() < until;
        if (!isGathering || closed.aborted) throw thrown;
        if (!isTold)
          log.info(
            { stream: config.name, replicas: config.num_replicas },
            "waits until the cluster has as many servers as replicas are wanted",
          );
        isTold = true;
        await pause(GATHERING_PAUSE_MS, { clock, signal: closed });
      }
    }
  }

  /** Adds a stream; where another node adds it in this very moment, takes that one. */
  async #add(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    try {
      return await this.#link.jsm.streams.add(config);
    } catch (thrown) {
      const number = apiErrorOf(thrown);
      if (number !== API_ERROR.streamNameTaken && number !== API_ERROR.subjectsOverlap) throw thrown;
      const other = await this.#find(config.name);
      if (other === null) throw thrown;
      return other;
    }
  }
}

/** What is different about each stream. */
const LIMITS: Readonly<Record<StreamKind, Partial<StreamConfig>>> = {
  queue: { retention: RetentionPolicy.Workqueue },
  // One letter for each id of a queue: a later one takes the place of an earlier one.
  dead: { max_msgs_per_subject: 1, discard: DiscardPolicy.Old },
  ledger: {},
};
