// Ledgers as subjects of one stream: the sequence of the subject's last message is the fence of each append.
// Invariant: an entry is one message, whatever its size: what does not fit into it is stored before it, in parts that
// the entry names by their sequences, so that a reader who sees an entry can read it whole.
import type { PubAck, StoredMsg } from "nats";
import { StorageError } from "../../core/errors.ts";
import { requireKey } from "../../core/grammar.ts";
import type { Ledger, LedgerEntry } from "../../core/ports.ts";
import { API_ERROR, apiErrorOf } from "./failure.ts";
import type { NatsLink } from "./link.ts";
import type { Streams } from "./streams.ts";

/** Names the sequences of an entry's parts, separated by commas. */
const PARTS = "Fettle-Parts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Ledgers on JetStream. */
export class NatsLedger implements Ledger {
  readonly #link: NatsLink;
  readonly #streams: Streams;

  constructor(link: NatsLink, streams: Streams) {
    this.#link = link;
    this.#streams = streams;
  }

  async append(ledger: string, payload: string, expected: number): Promise<number> {
    requireKey(ledger);
    const attempt = `append to ledger "${ledger}"`;
    return this.#do(attempt, async () => {
      // A task that is in its journal must be in its queue: see `Fabric`.
      if (expected === 0) await this.#link.queued();
      const subject = this.#link.names.ledger(ledger);
      const bytes = encoder.encode(payload);
      const parts = bytes.length > this.#link.maxPayload ? await this.#storeParts(ledger, bytes) : [];
      const write = {
        attempt,
        lastSubjectSequence: expected,
        headers: parts.length === 0 ? undefined : { [PARTS]: parts.join(",") },
      };
      try {
        const ack = await this.#link.publish(subject, parts.length === 0 ? bytes : "", write);
        return ack.seq;
      } catch (thrown) {
        if (apiErrorOf(thrown) !== API_ERROR.wrongSequence) throw thrown;
        await this.#dropParts(parts);
        throw new StorageError(
          "SEQUENCE_CONFLICT",
          `Cannot ${attempt} after sequence ${expected}: its last entry is another.`,
          { cause: thrown },
        );
      }
    });
  }

  async read(
    ledger: string,
    {
      from = 1,
      limit = Infinity,
    }: { readonly from?: number | undefined; readonly limit?: number | undefined } = {},
  ): Promise<readonly LedgerEntry[]> {
    requireKey(ledger);
    return this.#do(`read ledger "${ledger}"`, async (stream) => {
      const entries: LedgerEntry[] = [];
      let next = from;
      while (entries.length < limit) {
        const found = await this.#link.read(stream, {
          seq: next,
          next_by_subj: this.#link.names.ledger(ledger),
        });
        if (found === null) break;
        entries.push(await this.#entryOf(stream, found));
        next = found.seq + 1;
      }
      return entries;
    });
  }

  async last(ledger: string): Promise<LedgerEntry | null> {
    requireKey(ledger);
    return this.#do(`read ledger "${ledger}"`, async (stream) => {
      const found = await this.#link.read(stream, { last_by_subj: this.#link.names.ledger(ledger) });
      return found === null ? null : this.#entryOf(stream, found);
    });
  }

  async names(prefix = ""): Promise<readonly string[]> {
    return this.#do(`list ledgers that start with "${prefix}"`, async (stream) => {
      const root = this.#link.names.ledger("");
      // Whole tokens narrow the search on the server; the rest of the prefix is looked at here.
      const whole = prefix.slice(0, prefix.lastIndexOf(".") + 1);
      const subjects = await this.#link.subjects(stream, `${root}${whole}>`);
      return [...subjects.keys()]
        .map((subject) => subject.slice(root.length))
        .filter((name) => name.startsWith(prefix))
        .sort();
    });
  }

  async delete(ledger: string): Promise<void> {
    requireKey(ledger);
    const { names, jsm } = this.#link;
    await this.#do(`delete ledger "${ledger}"`, async (stream) => {
      for (const filter of [names.ledger(ledger), names.ledgerParts(ledger)]) {
        await this.#link.call(`purge "${filter}"`, () => jsm.streams.purge(stream, { filter }));
      }
    });
  }

  async #storeParts(ledger: string, bytes: Uint8Array): Promise<readonly number[]> {
    const { names, maxPayload } = this.#link;
    const stored: Promise<PubAck>[] = [];
    for (let at = 0; at < bytes.length; at += maxPayload) {
      const part = bytes.subarray(at, at + maxPayload);
      const write = { attempt: `store a part of an entry of ledger "${ledger}"` };
      stored.push(this.#link.publish(names.ledgerParts(ledger), part, write));
    }
    return (await Promise.all(stored)).map(({ seq }) => seq);
  }

  /** What of a refused entry was stored before it; what is left of it here goes with its ledger. */
  async #dropParts(parts: readonly number[]): Promise<void> {
    const stream = this.#link.names.stream("ledger");
    for (const seq of parts) await this.#link.jsm.streams.deleteMessage(stream, seq).catch(() => undefined);
  }

  async #entryOf(stream: string, found: StoredMsg): Promise<LedgerEntry> {
    const parts = found.header.get(PARTS);
    return {
      sequence: found.seq,
      payload: parts === "" ? decoder.decode(found.data) : await this.#join(stream, parts),
      at: found.time.getTime(),
    };
  }

  async #join(stream: string, parts: string): Promise<string> {
    const whole = new TextDecoder();
    let text = "";
    for (const seq of parts.split(",")) {
      const part = await this.#link.read(stream, { seq: Number(seq) });
      if (part === null) {
        throw new StorageError(
          "INTEGRITY",
          `Cannot read an entry of stream "${stream}": its part ${seq} is gone.`,
        );
      }
      text += whole.decode(part.data, { stream: true });
    }
    return text + whole.decode();
  }

  /** Does something with the ledgers' stream, which is made where it is absent. */
  #do<T>(attempt: string, work: (stream: string) => Promise<T>): Promise<T> {
    return this.#link.run(attempt, async () => work(await this.#streams.ensure("ledger")));
  }
}
