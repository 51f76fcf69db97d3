// What the embedded fabric promises beyond the contract: nothing on disk before it is needed, processes that
// share a folder, kills, full disks, damaged files, links that lead outside.
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defer } from "#src/core/deferred";
import type { Fabric } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { storageError } from "#src/fabric/embedded/storage-error";
import { startProgram } from "../../harness/live-program.ts";

const WRITER = new URL("./writer.mjs", import.meta.url);

describe("the embedded fabric on disk", () => {
  let folder: string;
  const fabrics: Fabric[] = [];
  const open = (dataDirectory = folder, reserveBytes?: number): Fabric => {
    const fabric = createEmbeddedFabric({ dataDirectory, reserveBytes });
    fabrics.push(fabric);
    return fabric;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-storage-"));
  });
  afterEach(async () => {
    for (const fabric of fabrics.splice(0)) await fabric.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("makes nothing on disk for messages, and for blobs no state file", async () => {
    const data = join(folder, "data");
    const fabric = open(data);
    fabric.messages.subscribe("a", (message) => message.reply("b"));
    await fabric.messages.request("a", "", { timeoutMs: 5000 });
    await fabric.blobs.list();
    expect(await readdir(folder)).toEqual([]);
    await fabric.blobs.write("a", "1");
    expect(await readdir(data)).toEqual(["blobs"]);
    await fabric.close();
    expect(await readdir(data)).toEqual(["blobs"]);
  });

  it("makes nothing on disk by reading, and sees what others store later", async () => {
    const data = join(folder, "data");
    await using reader = open(data);
    const seen: unknown[] = [];
    const found = defer<undefined>();
    const { keyValue, ledger, queue } = reader;
    const stop = await keyValue.watch("b", (change) => {
      seen.push(change);
      found.resolve(undefined);
    });
    expect(await Promise.all([keyValue.get("b", "k"), keyValue.keys("b")])).toEqual([null, []]);
    expect(await Promise.all([ledger.read("l"), ledger.last("l"), ledger.names()])).toEqual([[], null, []]);
    expect(await queue.size("q")).toEqual({ waiting: 0, inHand: 0, dead: 0 });
    expect(await queue.dead("q")).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
    await using writer = open(data);
    await writer.keyValue.put("b", "k", "v");
    await writer.ledger.append("l", "x", 0);
    await writer.queue.publish("q", "x");
    await found.promise;
    expect(seen).toMatchObject([{ key: "k", value: "v" }]);
    expect((await ledger.read("l")).map(({ payload }) => payload)).toEqual(["x"]);
    expect(await queue.size("q")).toMatchObject({ waiting: 1 });
    stop();
  });

  it("closes twice, without use, and through await using", async () => {
    const fabric = open();
    await fabric.close();
    await fabric.close();
    {
      await using scoped = open();
      await scoped.keyValue.put("b", "k", "v");
      expect(await scoped.keyValue.get("b", "k")).not.toBeNull();
    }
    await expect(fabrics[1]?.keyValue.get("b", "k")).rejects.toThrow(/closed/);
    await expect(fabrics[1]?.ledger.append("l", "x", 0)).rejects.toThrow(/ledger "l".*closed/);
    await expect(fabrics[1]?.queue.publish("q", "x")).rejects.toThrow(/queue "q".*closed/);
  });

  it("serves two fabrics of one process on one folder, also when one closes", async () => {
    const [a, b] = [open(), open()];
    const revision = await a.keyValue.create("b", "k", "from a");
    expect(await b.keyValue.get("b", "k")).toMatchObject({ value: "from a", revision });
    await expect(b.keyValue.create("b", "k", "x")).rejects.toMatchObject({ code: "KEY_EXISTS" });
    await a.close();
    expect(await b.keyValue.put("b", "k", "from b")).toBeGreaterThan(revision);
    expect((await b.keyValue.get("b", "k"))?.value).toBe("from b");
  });

  it("loses no increment of three processes that share a folder", async () => {
    const { keyValue } = open();
    await keyValue.create("shared", "counter", "0");
    const programs = [1, 2, 3].map(() => startProgram(WRITER, [folder, "increment", "60"]));
    for (const { ended } of programs) expect(await ended).toMatchObject({ code: 0 });
    expect((await keyValue.get("shared", "counter"))?.value).toBe("180");
  });

  it("loses no increment while other processes open the file again and again", async () => {
    const { keyValue } = open();
    await keyValue.create("shared", "counter", "0");
    const others = [1, 2].map(() => startProgram(WRITER, [folder, "reopen"]));
    for (const { lines } of others) await lines.next();
    const programs = [1, 2].map(() => startProgram(WRITER, [folder, "increment", "2000"]));
    for (const { ended } of programs) expect(await ended).toMatchObject({ code: 0 });
    for (const { child } of others) child.kill("SIGKILL");
    for (const { ended } of others) await ended;
    expect((await keyValue.get("shared", "counter"))?.value).toBe("4000");
  });

  it("writes upon the newest commit also where LMDB takes one before for it, with others at work in this process", async () => {
    const [a, b] = [open(), open()];
    await a.keyValue.put("numbers", "a", "1");
    const revision = await b.keyValue.put("numbers", "b", "1");
    expect(await startProgram(WRITER, [folder, "outdate"]).ended).toMatchObject({ code: 0 });
    const wrote = Promise.all([
      a.keyValue.put("numbers", "c", "1"),
      b.keyValue.update("numbers", "b", "2", revision),
      a.ledger.append("log", "1", 0),
    ]);
    const reads = Promise.all(Array.from({ length: 20 }, () => b.keyValue.get("numbers", "a")));
    const [first, second] = await wrote;
    expect(Math.min(first, second)).toBeGreaterThan(revision);
    expect((await reads).every((entry) => entry?.value === "1")).toBe(true);
    expect(await a.keyValue.keys("numbers")).toEqual(["a", "b", "c"]);
    expect((await a.keyValue.get("numbers", "b"))?.value).toBe("2");
  });

  it("keeps everything acknowledged over SIGKILL, and blobs whole, with another process at work", async () => {
    const survivor = startProgram(WRITER, [folder, "write", "b"]);
    const { keyValue, blobs } = open();
    for (let round = 0; round < 3; round += 1) {
      const victim = startProgram(WRITER, [folder, "write", `a${round}`]);
      let acknowledged = -1;
      while (acknowledged < 15) acknowledged = Number((await victim.lines.next()).value);
      victim.child.kill("SIGKILL");
      expect(await victim.ended).toMatchObject({ code: "SIGKILL" });
      for (let number = 0; number <= acknowledged; number += 1) {
        const entry = await keyValue.get("numbers", `a${round}-${number}`);
        expect(entry?.value, String(number)).toBe("x".repeat(2000) + String(number));
      }
      const blob = new TextDecoder().decode((await blobs.read("last")) ?? undefined);
      expect(blob).toMatch(/^(\d+?)\1{19999}$/);
      await keyValue.put("numbers", "mine", "the lock is free");
    }
    expect(await survivor.lines.next()).toMatchObject({ done: false });
    survivor.child.kill("SIGKILL");
    await survivor.ended;
    expect(await blobs.list()).toEqual(["last"]);
  });

  it("keeps no later write without an earlier one when a process is killed that waited for neither", async () => {
    const { queue, ledger } = open();
    for (let round = 0; round < 5; round += 1) {
      const victim = startProgram(WRITER, [folder, "pair", `r${round}`]);
      for (let seen = 0; seen < 20 + 7 * round; seen += 1) await victim.lines.next();
      victim.child.kill("SIGKILL");
      await victim.ended;
    }
    const consumer = await queue.consume("work", { ackWaitMs: 60_000, maxDeliveries: 1 });
    const messages = new Set<string | undefined>();
    for (let left = (await queue.size("work")).waiting; left > 0; left -= 1) {
      messages.add((await consumer.take())?.payload);
    }
    await consumer.close();
    const ledgers = await ledger.names();
    expect(ledgers.length).toBeGreaterThanOrEqual(20 + 27 + 34 + 41 + 48);
    expect(ledgers.filter((name) => !messages.has(name))).toEqual([]);
  });

  it("refuses writes while the disk is nearly full, says what to do, and goes on reading", async () => {
    const { keyValue, ledger, queue } = open();
    await keyValue.put("numbers", "before", "stored");
    await ledger.append("log", "stored", 0);
    await queue.publish("tasks", "stored");
    const cramped = open(folder, Number.MAX_SAFE_INTEGER);
    const consumer = await cramped.queue.consume("tasks", { ackWaitMs: 60_000, maxDeliveries: 3 });
    for (const attempt of [
      cramped.keyValue.put("numbers", "more", "x"),
      cramped.ledger.append("log.more", "x", 0),
      cramped.queue.publish("tasks", "x"),
      consumer.take(),
    ]) {
      await expect(attempt).rejects.toMatchObject({
        code: "STORAGE_FAILED",
        retryable: true,
        message: expect.stringMatching(/state\.mdb: only \d+ bytes are free, .*free some space/) as string,
      });
    }
    expect((await cramped.keyValue.get("numbers", "before"))?.value).toBe("stored");
    expect(await cramped.keyValue.get("numbers", "more")).toBeNull();
    expect((await cramped.ledger.last("log"))?.payload).toBe("stored");
    expect(await cramped.ledger.names()).toEqual(["log"]);
    expect(await cramped.queue.size("tasks")).toEqual({ waiting: 1, inHand: 0, dead: 0 });
  });

  // Where a file may grow no further, lmdb-js 3.5 sometimes aborts the process instead of reporting it.
  it("loses nothing that it acknowledged where a file may grow no further, and works again after", async () => {
    const program = startProgram(WRITER, [folder, "fill"], "trap '' XFSZ; ulimit -f 800;");
    let stored = 0;
    let report: Record<string, unknown> | null = null;
    for (let line = await program.lines.next(); line.done !== true; line = await program.lines.next()) {
      if (/^\d+$/.test(line.value)) stored = Number(line.value);
      else if (line.value.startsWith("{")) report = JSON.parse(line.value) as Record<string, unknown>;
    }
    const { code } = await program.ended;
    if (report === null) {
      expect(["SIGABRT", "SIGSEGV", "SIGBUS", "SIGTRAP", 134, 139]).toContain(code);
    } else {
      expect(report).toMatchObject({
        code: "STORAGE_FAILED",
        together: Array.from({ length: 5 }, () => "STORAGE_FAILED"),
        readable: true,
        blob: { code: "STORAGE_FAILED", left: [] },
      });
      expect(report["message"]).toContain(join(folder, "state.mdb"));
      expect(report["message"]).toMatch(/raise the limit on file size/);
      expect((report["blob"] as { message: string }).message).toContain(join(folder, "blobs", "big"));
    }
    expect(stored).toBeGreaterThan(0);
    const { keyValue } = open();
    expect((await keyValue.keys("numbers")).length).toBeGreaterThanOrEqual(stored);
    await keyValue.put("numbers", "again", "there is space");
  });

  it.each([
    ["text", (file: string) => writeFile(file, "this is no database")],
    ["noise", (file: string) => writeFile(file, Buffer.alloc(65_536, 7))],
    ["a folder", (file: string) => mkdir(file)],
    [
      "a file cut short",
      async (file: string) => {
        await using fabric = createEmbeddedFabric({ dataDirectory: join(file, "..", "whole") });
        for (let index = 0; index < 20; index += 1) {
          await fabric.keyValue.put("b", `k${index}`, "x".repeat(4000));
        }
        await fabric.close();
        await cp(join(file, "..", "whole", "state.mdb"), file);
        await truncate(file, 20_000);
      },
    ],
  ])("names the file when it finds %s in place of the state file", async (_what, damage) => {
    const file = join(folder, "state.mdb");
    await damage(file);
    const { keyValue, ledger, queue } = open();
    for (const attempt of [
      keyValue.get("b", "k"),
      keyValue.put("b", "k", "v"),
      keyValue.keys("b"),
      ledger.append("l", "x", 0),
      ledger.read("l"),
      ledger.names(),
      queue.publish("q", "x"),
      queue.consume("q", { ackWaitMs: 1000, maxDeliveries: 3 }),
      queue.size("q"),
    ]) {
      await expect(attempt).rejects.toMatchObject({
        code: "STORAGE_FAILED",
        message: expect.stringContaining(file) as string,
      });
    }
    await rm(file, { recursive: true });
    await keyValue.put("b", "k", "works again once mended");
  });

  it("waits for a state file that another process is just making", async () => {
    const file = join(folder, "state.mdb");
    await using other = createEmbeddedFabric({ dataDirectory: join(folder, "other") });
    await other.keyValue.put("b", "k", "v");
    await other.close();
    const whole = await readFile(join(folder, "other", "state.mdb"));
    await writeFile(file, whole.subarray(0, 4096));
    const read = open().keyValue.get("b", "k");
    // Longer than a first look takes.
    await new Promise((resolve) => setTimeout(resolve, 30));
    await writeFile(file, whole);
    expect(await read).toMatchObject({ value: "v" });
  });

  it("names the path when the folder cannot be made", async () => {
    await writeFile(join(folder, "file"), "");
    const { keyValue, ledger, queue, blobs } = open(join(folder, "file", "data"));
    const failure = { code: "STORAGE_FAILED", message: expect.stringContaining("file/data") as string };
    await expect(keyValue.put("b", "k", "v")).rejects.toMatchObject(failure);
    await expect(ledger.append("l", "x", 0)).rejects.toMatchObject(failure);
    await expect(queue.publish("q", "x")).rejects.toMatchObject(failure);
    await expect(blobs.write("a", "1")).rejects.toMatchObject(failure);
    await expect(keyValue.put("b", "k", "v")).rejects.toThrow(/is a file, not a folder/);
  });

  it("says how to mend what the system refuses", () => {
    const refused = storageError(
      "write blob",
      "/data/x",
      Object.assign(new Error("denied"), { code: "EACCES" }),
    );
    expect(refused.message).toBe(
      "Cannot write blob: /data/x: denied. Give this user the right to read and write there, or " +
        "choose another folder: FETTLE_DATA_DIRECTORY for what the mesh knows, LOG_DIRECTORY for results.",
    );
    const full = storageError("write", "/data/x", Object.assign(new Error("full"), { code: 28 }));
    expect(full).toMatchObject({
      retryable: true,
      message: expect.stringContaining("disk is full") as string,
    });
    const damaged = storageError("read", "/data/x", Object.assign(new Error("page"), { code: -30796 }));
    expect(damaged.message).toContain("/data/x is damaged (page)");
    expect(storageError("read", "/data/x", "odd").message).toBe("Cannot read: /data/x: odd.");
  });

  it("refuses symbolic links that lead out of the blobs, and follows those that stay in", async () => {
    const outside = join(folder, "outside");
    await mkdir(join(folder, "blobs", "real"), { recursive: true });
    await mkdir(outside);
    await writeFile(join(outside, "secret"), "secret");
    await writeFile(join(folder, "blobs", "real", "x"), "inside");
    await symlink(outside, join(folder, "blobs", "out"));
    await symlink(join(outside, "secret"), join(folder, "blobs", "file"));
    await symlink(join(outside, "absent"), join(folder, "blobs", "dangling"));
    await symlink(join(folder, "blobs", "real"), join(folder, "blobs", "in"));
    const { blobs } = open();
    for (const path of ["out/secret", "out/new", "file", "dangling"]) {
      const invalid = { code: "PATH_INVALID", message: expect.stringContaining("symbolic link") as string };
      await expect(blobs.read(path), path).rejects.toMatchObject(invalid);
      await expect(blobs.write(path, "x"), path).rejects.toMatchObject(invalid);
      await expect(blobs.delete(path), path).rejects.toMatchObject(invalid);
    }
    await expect(blobs.list("out/")).rejects.toMatchObject({ code: "PATH_INVALID" });
    expect(await blobs.list()).toEqual(["real/x"]);
    expect(new TextDecoder().decode((await blobs.read("in/x")) ?? undefined)).toBe("inside");
    expect(await readFile(join(outside, "secret"), "utf8")).toBe("secret");
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  it("never lists unfinished files, and clears away those that a killed writer left", async () => {
    const docs = join(folder, "blobs", "docs");
    await mkdir(docs, { recursive: true });
    const [old, recent] = [join(docs, ".old.unfinished"), join(docs, ".recent.unfinished")];
    await writeFile(old, "part");
    await writeFile(recent, "part");
    await writeFile(join(docs, ".keep"), "not ours");
    const hoursAgo = new Date(Date.now() - 2 * 3_600_000);
    await utimes(old, hoursAgo, hoursAgo);
    const { blobs } = open();
    expect(await blobs.list()).toEqual([]);
    await blobs.write("docs/a", "1");
    expect(await blobs.list("docs/")).toEqual(["docs/a"]);
    expect((await readdir(docs)).sort()).toEqual([".keep", ".recent.unfinished", "a"]);
  });

  it("stores a stream as it comes: each piece is in the unfinished file before the next is asked for", async () => {
    const { blobs } = open();
    const docs = join(folder, "blobs", "docs");
    const piece = new Uint8Array(1_048_576).fill(7);
    let pulled = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const [unfinished = "", ...others] = await readdir(docs);
          expect(others).toEqual([]);
          expect((await stat(join(docs, unfinished))).size).toBe(pulled * piece.length);
          if (pulled === 64) controller.close();
          else controller.enqueue(piece);
          pulled += 1;
        },
      },
      { highWaterMark: 0 },
    );
    await blobs.write("docs/large", stream);
    expect(await readdir(docs)).toEqual(["large"]);
    expect((await stat(join(docs, "large"))).size).toBe(64 * piece.length);
    let read = 0;
    for await (const chunk of (await blobs.stream("docs/large")) ?? []) {
      expect(chunk.length).toBeLessThanOrEqual(65_536);
      read += chunk.length;
    }
    expect(read).toBe(64 * piece.length);
  });

  it("leaves no unfinished file and no open one, whichever end of a stream gives up", async () => {
    const { blobs } = open();
    const handles = async (): Promise<string[]> => {
      const numbers = await readdir("/proc/self/fd");
      const files = await Promise.all(numbers.map((one) => readlink(`/proc/self/fd/${one}`).catch(() => "")));
      return files.filter((file) => file.startsWith(join(folder, "blobs")));
    };
    await blobs.write("docs/a", "x".repeat(300_000));
    const failing = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(100_000)),
      pull: (controller) => controller.error(new DOMException("The download was aborted.", "AbortError")),
    });
    await expect(blobs.write("docs/a", failing)).rejects.toThrow(/"docs\/a".*The download was aborted/);
    expect(await readdir(join(folder, "blobs", "docs"))).toEqual(["a"]);
    expect((await stat(join(folder, "blobs", "docs", "a"))).size).toBe(300_000);
    const reader = (await blobs.stream("docs/a"))?.getReader();
    await reader?.read();
    expect(await handles()).toEqual([join(folder, "blobs", "docs", "a")]);
    await reader?.cancel();
    expect(await handles()).toEqual([]);
    for await (const chunk of (await blobs.stream("docs/a")) ?? []) expect(chunk[0]).toBe(120);
    expect(await handles()).toEqual([]);
    const folderStream = await blobs.stream("docs");
    await expect(folderStream?.getReader().read()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(await handles()).toEqual([]);
  });

  it("says so where a blob's name is taken by a folder, and the other way round", async () => {
    const { blobs } = open();
    await blobs.write("a/b", "1");
    await expect(blobs.write("a", "1")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(blobs.read("a")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(blobs.write("a/b/c", "1")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(await blobs.read("a/b/c")).toBeNull();
    expect((await stat(join(folder, "blobs", "a", "b"))).size).toBe(1);
  });
});
