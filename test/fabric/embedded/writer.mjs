// A process of its own for the tests of the embedded fabric: does one job on a folder and reports by lines.
import { Buffer } from "node:buffer";
import { open as openFile } from "node:fs/promises";
import { createEmbeddedFabric } from "../../../dist/src/fabric/embedded/fabric.js";

const [folder, job, argument] = process.argv.slice(2);
const fabric = createEmbeddedFabric({ dataDirectory: folder });
const say = (line) => process.stdout.write(`${line}\n`);

let leave = false;

const jobs = {
  /** Writes keys and blobs until it is killed; says each number once it is acknowledged. */
  async write() {
    for (let number = 0; ; number += 1) {
      await Promise.all([
        fabric.keyValue.put("numbers", `${argument}-${number}`, "x".repeat(2000) + number),
        fabric.blobs.write("last", String(number).repeat(20_000)),
      ]);
      say(number);
    }
  },
  /** Puts messages in a queue and begins a ledger for each, waiting for neither; says each number once both are done. */
  async pair() {
    for (let number = 0; ; number += 1) {
      const name = `${argument}-${number}`;
      const both = Promise.all([
        fabric.queue.publish("work", name, { id: name }),
        fabric.ledger.append(name, "begun", 0),
      ]);
      void both.then(() => say(number));
      if (number % 8 === 7) await both;
    }
  },
  /** Adds one to a shared counter, many times, by compare-and-set. */
  async increment() {
    for (let done = 0; done < Number(argument);) {
      const entry = await fabric.keyValue.get("shared", "counter");
      try {
        await fabric.keyValue.update("shared", "counter", String(Number(entry.value) + 1), entry.revision);
        done += 1;
      } catch (error) {
        if (error.code !== "REVISION_CONFLICT") throw error;
      }
    }
    say("done");
  },
  /** Opens the state file and closes it again, until it is killed; says when it begins. */
  async reopen() {
    for (let times = 0; ; times += 1) {
      const other = createEmbeddedFabric({ dataDirectory: folder });
      await other.keyValue.get("shared", "counter");
      await other.close();
      if (times === 0) say("opened");
    }
  },
  /** Says which commit LMDB is to take for the newest, as a process does that opens the file in the moment of another. */
  async outdate() {
    const lock = await openFile(`${folder}/state.mdb-lock`, "r+");
    const newest = Buffer.alloc(8);
    await lock.read(newest, 0, 8, 8);
    newest.writeBigUInt64LE(newest.readBigUInt64LE() - 1n);
    await lock.write(newest, 0, 8, 8);
    await lock.close();
  },
  /** Changes a few keys in every way there is. */
  async change() {
    const { keyValue } = fabric;
    await keyValue.put("numbers", "a", "1");
    const revision = await keyValue.create("numbers", "b", "2");
    await keyValue.put("numbers", "passing", "1", { ttlMs: 1 });
    await keyValue.update("numbers", "b", "3", revision);
    await keyValue.delete("numbers", "a");
    await keyValue.put("numbers", "last", "done");
  },
  /** Watches, writes, and leaves the fabric open: nothing may hold the process. */
  async "watch-and-leave"() {
    await fabric.keyValue.watch("leases", ({ key, value }) => say(`+${key}=${value}`));
    await fabric.keyValue.put("leases", "a", "1", { ttlMs: 3_600_000 });
    leave = true;
  },
  /** Writes until the disk is full (a limit on file size stands for it), then shows what still works. */
  async fill() {
    let stored = 0;
    let failure;
    while (failure === undefined) {
      await fabric.keyValue.put("numbers", `k${stored}`, "x".repeat(5000)).then(
        () => say(String((stored += 1))),
        (error) => (failure = error),
      );
    }
    const together = await Promise.allSettled(
      Array.from({ length: 5 }, () => fabric.keyValue.put("numbers", "more", "x".repeat(5000))),
    );
    const blob = await fabric.blobs.write("big", "x".repeat(5_000_000)).catch((error) => error);
    say(
      JSON.stringify({
        code: failure.code,
        message: failure.message,
        retryable: failure.retryable,
        together: together.map((one) => one.reason?.code),
        readable: (await fabric.keyValue.keys("numbers")).length === stored && stored > 0,
        blob: { code: blob.code, message: blob.message, left: await fabric.blobs.list() },
      }),
    );
    await fabric.close();
    say("closed");
  },
};

await jobs[job]();
if (!leave) await fabric.close();
