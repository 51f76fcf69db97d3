// What the embedded queue and ledger promise beyond the contract: processes that share a folder, and those that are
// killed with messages in hand.
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fabric } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { startProgram, type Program } from "../../harness/live-program.ts";

const WORKER = new URL("./queue-worker.mjs", import.meta.url);

/** So long that no test waits for it: what comes back sooner comes back for another reason. */
const PATIENT = { ackWaitMs: 600_000, maxDeliveries: 100 };

describe("the embedded queue and ledger, shared by processes", () => {
  let folder: string;
  const fabrics: Fabric[] = [];
  const programs: Program[] = [];
  const open = (): Fabric => {
    const fabric = createEmbeddedFabric({ dataDirectory: folder });
    fabrics.push(fabric);
    return fabric;
  };
  const start = (job: string, argument = ""): Program => {
    const program = startProgram(WORKER, [folder, job, argument]);
    programs.push(program);
    return program;
  };
  const kill = async ({ child, ended }: Program): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  /** All that is left of what a program said, up to its end. */
  const rest = async ({ lines }: Program): Promise<string[]> => {
    const said: string[] = [];
    for (let line = await lines.next(); line.done !== true; line = await lines.next()) said.push(line.value);
    return said;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-queue-"));
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) await kill(program);
    for (const fabric of fabrics.splice(0)) await fabric.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("never lets two processes win the same place in a ledger", async () => {
    const writers = [start("append", "60"), start("append", "60"), start("append", "60")];
    const won = await Promise.all(
      writers.map(async (writer) => {
        const sequences = (await rest(writer)).map(Number);
        expect(await writer.ended).toMatchObject({ code: 0, stderr: "" });
        return { pid: String(writer.child.pid), sequences };
      }),
    );
    const entries = await open().ledger.read("shared");
    expect(entries).toHaveLength(180);
    for (const { pid, sequences } of won) {
      const theirs = entries.filter(({ payload }) => payload === pid).map(({ sequence }) => sequence);
      expect(theirs).toEqual(sequences);
    }
  });

  it("gives what a killed process had in hand to one that waits, at once and oldest first", async () => {
    const { queue } = open();
    const sent = Array.from({ length: 1500 }, (_, index) => `m${index}`);
    await Promise.all(sent.map((id) => queue.publish("tasks", "x", { id })));
    const victim = start("hold", "1500");
    expect((await victim.lines.next()).value).toBe("holding");
    expect(await queue.size("tasks")).toEqual({ waiting: 0, inHand: 1500, dead: 0 });
    const consumer = await queue.consume("tasks", PATIENT);
    const waiting = sent.map(() => consumer.take(AbortSignal.timeout(20_000)));
    await kill(victim);
    const taken = await Promise.all(waiting);
    expect(taken.map((delivery) => delivery?.id)).toEqual(sent);
    expect(new Set(taken.map((delivery) => delivery?.deliveries))).toEqual(new Set([2]));
  });

  it("finds what was in hand when the next process starts, in every queue and after a kill of all", async () => {
    const { queue } = open();
    for (const id of ["a", "b", "c"]) await queue.publish("tasks", "x", { id });
    const victim = start("hold", "3");
    await victim.lines.next();
    await kill(victim);
    const consumer = await queue.consume("others", PATIENT);
    expect(await queue.size("tasks")).toEqual({ waiting: 3, inHand: 0, dead: 0 });
    await consumer.close();
  });

  it("makes a message that kills its process again and again a dead letter, and says why", async () => {
    const { queue } = open();
    await queue.publish("tasks", "poison", { id: "a" });
    const options = { ackWaitMs: 600_000, maxDeliveries: 101 };
    const consumer = await queue.consume("tasks", options);
    for (let number = 1; number < 100; number += 1) {
      await (await consumer.take())?.retry();
    }
    await consumer.close();
    const victim = start("hold", "1");
    await victim.lines.next();
    await kill(victim);
    const next = await queue.consume("tasks", options);
    await next.close();
    const [letter] = await queue.dead("tasks");
    expect(letter).toMatchObject({ id: "a", payload: "poison", deliveries: 100 });
    expect(letter?.reason).toContain(`the process that had it ended (${victim.child.pid} on `);
  });

  it("settles each message once and loses none, whoever is killed at whatever instant", async () => {
    const { queue, ledger } = open();
    const publisher = start("publish", "p");
    const said: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const victim = start("work");
      while (said.filter((line) => line.startsWith("done")).length < (round + 1) * 40) {
        said.push(String((await victim.lines.next()).value));
      }
      await kill(victim);
      said.push(...(await rest(victim)));
    }
    let published = -1;
    while (published < 200) published = Number((await publisher.lines.next()).value);
    await kill(publisher);
    const last = (await rest(publisher)).filter((line) => /^\d+$/.test(line)).map(Number);
    published = Math.max(published, ...last);
    const done = said.filter((line) => line.startsWith("done ")).map((line) => line.slice(5));
    expect(new Set(done).size).toBe(done.length);
    const consumer = await queue.consume("tasks", PATIENT);
    const { waiting, inHand } = await queue.size("tasks");
    expect(inHand).toBe(0);
    const left: string[] = [];
    for (let number = 0; number < waiting; number += 1) {
      const delivery = await consumer.take();
      left.push(delivery?.id ?? "");
      await delivery?.ack();
    }
    // What was acknowledged is gone; what was published is there unless its acknowledgement was under way at a kill.
    expect(left.filter((id) => done.includes(id))).toEqual([]);
    const begun = new Set(said.filter((line) => line.startsWith("took ")).map((line) => line.slice(5)));
    for (let number = 0; number <= published; number += 1) {
      expect(left.includes(`p-${number}`) || begun.has(`p-${number}`), `p-${number}`).toBe(true);
    }
    const entries = await ledger.read("log.p");
    expect(entries.length).toBeGreaterThan(published);
    expect(entries.map(({ payload }) => Number(payload))).toEqual(entries.map((_, index) => index));
  });

  it("names the file to a process that may not write there, and says what would mend it", async () => {
    const fabric = open();
    await fabric.queue.publish("tasks", "x");
    await fabric.close();
    await chmod(join(folder, "state.mdb"), 0o444);
    await chmod(folder, 0o555);
    const program = start("refused");
    const said = await rest(program);
    expect(await program.ended).toMatchObject({ code: 0 });
    await chmod(folder, 0o755);
    expect(said).toHaveLength(5);
    for (const line of said) {
      expect(line).toMatch(/^STORAGE_FAILED Cannot .*Give this user the right to read and write there/);
      expect(line).toContain(join(folder, "state.mdb"));
    }
  });

  it("hears of what another process put in, and keeps no process alive once nobody waits", async () => {
    const program = start("once");
    expect((await program.lines.next()).value).toBe("waiting");
    await open().queue.publish("tasks", "hello");
    expect((await program.lines.next()).value).toBe("got hello");
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it("gives back what is in hand when the fabric closes, for other fabrics to take", async () => {
    const [first, second] = [open(), open()];
    await first.queue.publish("tasks", "x", { id: "a" });
    const delivery = await (await first.queue.consume("tasks", PATIENT)).take();
    const waiting = (await second.queue.consume("tasks", PATIENT)).take(AbortSignal.timeout(20_000));
    await first.close();
    await expect(delivery?.ack()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(await waiting).toMatchObject({ id: "a", deliveries: 2 });
  });

  it("gives one process's messages to another fabric of the same process only once they are free", async () => {
    const [first, second] = [open(), open()];
    await first.queue.publish("tasks", "x", { id: "a" });
    const delivery = await (await first.queue.consume("tasks", PATIENT)).take();
    await second.queue.publish("tasks", "y", { id: "b" });
    const consumer = await second.queue.consume("tasks", PATIENT);
    expect((await consumer.take())?.id).toBe("b");
    await delivery?.retry();
    expect((await consumer.take(AbortSignal.timeout(20_000)))?.id).toBe("a");
  });
});
