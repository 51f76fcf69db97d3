import { describe, expect, it } from "vitest";
import { createMemoryFabric } from "fettle";
import { TestClock } from "fettle/testing";
import type { JournalEntryOf } from "#src/core/journal";
import { StorageError } from "#src/core/errors";
import type { Ledger } from "#src/core/ports";
import type { TaskResult } from "#src/core/task";
import { Journal } from "#src/journal";

const accepted: Omit<JournalEntryOf<"accepted">, "at"> = {
  type: "accepted",
  taskId: "t1",
  role: "coder",
  task: "x",
  context: { since: new Date(0) },
  resultId: "r1",
  step: null,
  budget: null,
  profile: null,
};
const state = (name: string) => ({ type: "state" as const, state: name });
const finished = { type: "finished" as const, result: {} as TaskResult };
const name = "test.task.t1";

async function begin(ledger: Ledger = createMemoryFabric().ledger) {
  const journal = await Journal.create({ ledger, name }, accepted);
  if (journal === null) throw new Error("there is one already");
  return { ledger, journal };
}

function statesOf(journal: Journal | null): readonly string[] {
  return (journal?.entries ?? []).flatMap((entry) => (entry.type === "state" ? [entry.state] : []));
}

describe("a journal", () => {
  it("begins once: for whoever comes second there is one already", async () => {
    const { ledger, journal } = await begin();
    expect(await Journal.create({ ledger, name }, accepted)).toBeNull();
    expect(journal.accepted).toMatchObject(accepted);
    expect((await Journal.open({ ledger, name }))?.accepted).toEqual(journal.accepted);
    expect(await Journal.open({ ledger, name: "test.task.t2" })).toBeNull();
  });

  it("keeps entries in the order in which they were appended, and a note before what it waited for", async () => {
    const { ledger, journal } = await begin();
    const first = journal.append(state("a"));
    journal.note(state("b"));
    const second = journal.append(state("c"), state("d"));
    const third = journal.append(state("e"));
    await Promise.all([first, second, third]);
    expect(statesOf(journal)).toEqual(["a", "b", "c", "d", "e"]);
    expect(statesOf(await Journal.open({ ledger, name }))).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("writes together what waits while it writes", async () => {
    const { ledger, journal } = await begin();
    await Promise.all(Array.from({ length: 100 }, (_, index) => journal.append(state(String(index)))));
    expect(await ledger.read(name)).toHaveLength(3);
    expect(statesOf(journal)).toHaveLength(100);
  });

  it("shows what is recorded alone: not what is being written, and no note that waits", async () => {
    const { journal } = await begin();
    journal.note(state("a"));
    expect(journal.find("state")).toBeUndefined();
    const written = journal.append();
    expect(journal.find("state")).toBeUndefined();
    await written;
    expect(journal.find("state")).toMatchObject({ state: "a" });
    expect(journal.find("state", (entry) => entry.state === "b")).toBeUndefined();
  });

  it("refuses all that its former owner appends once another has claimed it", async () => {
    const { ledger, journal } = await begin();
    const other = await Journal.open({ ledger, name });
    await other?.append(state("theirs"));
    const lost = { code: "OWNERSHIP_LOST" };
    const both = await Promise.allSettled([journal.append(state("mine")), journal.append(state("mine too"))]);
    for (const one of both) expect(one).toMatchObject({ status: "rejected", reason: lost });
    await expect(journal.append()).rejects.toMatchObject(lost);
    expect(statesOf(await Journal.open({ ledger, name }))).toEqual(["theirs"]);
    expect(statesOf(journal)).toEqual([]);
  });

  it("makes sure that it is its owner's, but not so soon after an append, before what cannot be taken back", async () => {
    const clock = new TestClock();
    const { ledger } = createMemoryFabric();
    const own = await Journal.create({ ledger, name, clock }, accepted);
    await own?.sure();
    expect(await ledger.read(name)).toHaveLength(1);
    clock.advance(3_001);
    await own?.sure();
    expect(await ledger.read(name)).toHaveLength(2);
    const other = await Journal.open({ ledger, name, clock });
    other?.note(state("claimed"));
    // What another process noted when it took the task up is recorded before it acts.
    await other?.sure();
    expect(statesOf(await Journal.open({ ledger, name }))).toEqual(["claimed"]);
    await own?.sure();
    clock.advance(3_001);
    await expect(own?.sure()).rejects.toThrow(/another process has taken the task up/);
    await other?.append(finished);
    clock.advance(3_001);
    await expect(other?.sure()).rejects.toThrow(/its task has ended/);
  });

  it("makes sure again where its owner hears late of what it appended: it may have stood still meanwhile", async () => {
    const clock = new TestClock();
    const { ledger } = createMemoryFabric();
    const slow: Ledger = {
      append: async (...args) => {
        const sequence = await ledger.append(...args);
        clock.advance(9_000);
        const other = await Journal.open({ ledger, name });
        await other?.append(state("claimed by another"));
        return sequence;
      },
      read: (...args) => ledger.read(...args),
      last: (...args) => ledger.last(...args),
      names: (...args) => ledger.names(...args),
      delete: (...args) => ledger.delete(...args),
    };
    const journal = await Journal.create({ ledger: slow, name, clock }, accepted);
    await expect(journal?.sure()).rejects.toThrow(/another process has taken the task up/);
  });

  it("tells who appended that it could not be written, keeps the notes, and goes on once it can", async () => {
    const inner = createMemoryFabric().ledger;
    let isFull = false;
    const ledger: Ledger = {
      append: (...args) =>
        isFull ? Promise.reject(new StorageError("STORAGE_FAILED", "disk full")) : inner.append(...args),
      read: (...args) => inner.read(...args),
      last: (...args) => inner.last(...args),
      delete: (...args) => inner.delete(...args),
      names: (...args) => inner.names(...args),
    };
    const { journal } = await begin(ledger);
    isFull = true;
    journal.note(state("note"));
    await expect(journal.append(state("lost"))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(statesOf(journal)).toEqual([]);
    isFull = false;
    journal.note(state("later note"));
    await journal.append(state("kept"));
    expect(statesOf(journal)).toEqual(["note", "later note", "kept"]);
    expect(statesOf(await Journal.open({ ledger, name }))).toEqual(["note", "later note", "kept"]);
  });

  it("ends once: what a stubborn effect appends after the end is refused and changes nothing", async () => {
    const { ledger, journal } = await begin();
    const ending = journal.append(finished);
    const late = journal.append(state("while the end is written"));
    journal.note(state("late note"));
    await expect(late).rejects.toMatchObject({ code: "OWNERSHIP_LOST" });
    await ending;
    await expect(journal.append(state("later"))).rejects.toThrow(/Cannot append state .* its task has ended/);
    await expect(journal.append(finished)).rejects.toMatchObject({ code: "OWNERSHIP_LOST" });
    // Who only wants notes written is not bothered with it.
    await journal.append();
    const again = await Journal.open({ ledger, name });
    await expect(again?.append(state("from another process"))).rejects.toMatchObject({
      code: "OWNERSHIP_LOST",
    });
    for (const one of [journal, await Journal.open({ ledger, name })]) {
      expect(one?.entries.map(({ type }) => type)).toEqual(["accepted", "finished"]);
    }
  });

  it("takes another end where the first could not be written, and nothing else", async () => {
    const { ledger: inner } = createMemoryFabric();
    let isFull = false;
    const ledger: Ledger = {
      append: (...args) =>
        isFull ? Promise.reject(new StorageError("STORAGE_FAILED", "too much")) : inner.append(...args),
      read: (...args) => inner.read(...args),
      last: (...args) => inner.last(...args),
      delete: (...args) => inner.delete(...args),
      names: (...args) => inner.names(...args),
    };
    const { journal } = await begin(ledger);
    journal.note(state("settling"));
    isFull = true;
    await expect(journal.append(finished)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    isFull = false;
    await expect(journal.append(state("late"))).rejects.toMatchObject({ code: "OWNERSHIP_LOST" });
    await journal.append(finished);
    expect(journal.entries.map(({ type }) => type)).toEqual(["accepted", "state", "finished"]);
  });

  it.each([
    ["no text of entries", "{", /Cannot read the journal/],
    ["something that is no entry", "[1]", /no journal entry/],
  ])("that holds %s is an error that names it", async (_what, payload, message) => {
    const { ledger } = createMemoryFabric();
    await ledger.append(name, payload, 0);
    const opening = Journal.open({ ledger, name });
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toMatchObject({ code: "JOURNAL_INVALID" });
    await expect(opening).rejects.toThrow(name);
  });

  it("that does not begin with an acceptance says so when that is asked for", async () => {
    const { ledger } = createMemoryFabric();
    await ledger.append(name, '[{"type":"state","at":1,"state":"queued"}]', 0);
    const journal = await Journal.open({ ledger, name });
    expect(() => journal?.accepted).toThrow(/does not begin with the acceptance/);
  });
});
