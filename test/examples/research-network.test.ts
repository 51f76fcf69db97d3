// The example of four processes over NATS, as its reader would run it, also with a node that is killed half way.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort, startNatsServer } from "../harness/nats-server.ts";
import { projectRoot, runFettle } from "../harness/program.ts";

const TOPICS = ["heartbeats", "leases", "fencing", "journals", "queues", "idempotency"];

/** A folder for one run. */
async function newFolder() {
  const path = await mkdtemp(join(tmpdir(), "fettle-network-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const run = (file: string, folder: string, url: string) =>
  runFettle(["run", join(projectRoot, "examples/research-network", file)], {
    cwd: folder,
    env: { NATS_URL: url, TMPDIR: folder },
  });

describe.concurrent("the example research-network", () => {
  it("starts a server and four processes, tells who did what, and leaves nothing behind", async () => {
    await using folder = await newFolder();
    const url = `nats://127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await run("main.ts", folder.path, url);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/playing back recorded answers\.\nStarted nats-server at nats:/);
    expect(new Set(stdout.match(/pid \d+/g))).toHaveProperty("size", 4);
    for (const topic of TOPICS) {
      expect(
        stdout.match(new RegExp(` s {2}research-\\d {3}begins the study of ${topic}$`, "gm")),
      ).toHaveLength(1);
      expect(stdout).toContain(`## ${topic}\n`);
    }
    for (const name of ["research-1", "research-2", "research-3"]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} {3}the study of`, "m"));
    }
    expect(stdout).toMatch(/^ {2}synthesizer {2}the synthesis$/m);
    expect(await readdir(folder.path)).toEqual([]);
  }, 90_000);

  it("shows with a node killed half way that another takes over, and repeats nothing that was recorded", async () => {
    await using server = await startNatsServer();
    await using folder = await newFolder();
    const { code, stdout, stderr } = await run("kill.ts", folder.path, server.url);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`Using the NATS server at ${server.url}.`);
    const [, dead = "", topic = ""] =
      /(research-\d) +is killed \(SIGKILL\), half way through the study of (\w+)/.exec(stdout) ?? [];
    expect(stdout).toMatch(new RegExp(`research-\\d +knows that ${dead} is gone`));
    const [, seconds] =
      new RegExp(`research-\\d took over the study of ${topic} ([\\d.]+) s after ${dead} was killed`).exec(
        stdout,
      ) ?? [];
    expect(Number(seconds)).toBeLessThan(15);
    expect(stdout).toMatch(/not done again: 1 answer of the model and [23] calls/);
    expect(stdout).toMatch(/made again, under the same id: [01] call/);
    for (const one of TOPICS) expect(stdout).toContain(`## ${one}\n`);
  }, 90_000);
});
