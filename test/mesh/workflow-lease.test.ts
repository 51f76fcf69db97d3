// One workflow and several processes of its mesh: whoever has the lease works on it, the others wait for its result,
// and one of them goes on with it where that one dies.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEmbeddedFabric, type Fabric } from "fettle";
import { startProgram, type Program } from "../harness/live-program.ts";

interface Line {
  readonly ready?: number;
  readonly begins?: string;
  readonly retries?: string;
  readonly ended?: string;
  readonly thrown?: string;
  readonly result?: { readonly status: string; readonly outputs: unknown };
}

let folder: string;
let fabric: Fabric;
let programs: ReturnType<typeof run>[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-lease-"));
  fabric = createEmbeddedFabric({ dataDirectory: folder });
  programs = [];
});
afterEach(async () => {
  for (const { program } of programs) program.child.kill("SIGKILL");
  await Promise.all(programs.map(({ program }) => program.ended));
  await fabric.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a process and notes what it says. */
function run(what: string) {
  const program: Program = startProgram(new URL("workflow-process.mjs", import.meta.url), [folder, what]);
  const said: Line[] = [];
  return {
    program,
    said,
    /** What it says of one kind, next or earlier. */
    says: async <Kind extends keyof Line>(kind: Kind, value?: Line[Kind]): Promise<Line[Kind]> => {
      const fits = (line: Line) => line[kind] !== undefined && (value === undefined || line[kind] === value);
      for (;;) {
        const known = said.find(fits);
        if (known !== undefined) return known[kind];
        const next = await program.lines.next();
        if (next.done === true) throw new Error(`It ended: ${(await program.ended).stderr}`);
        said.push(JSON.parse(next.value) as Line);
      }
    },
  };
}

async function start(what: string) {
  const program = run(what);
  programs.push(program);
  await program.says("ready");
  return program;
}

/** Not by `child.kill`, which some runtimes do but once. */
function signal({ program }: ReturnType<typeof run>, name: NodeJS.Signals): void {
  if (program.child.pid !== undefined) process.kill(program.child.pid, name);
}

async function open(gate: string): Promise<void> {
  await fabric.keyValue.put("gates", gate, "");
}

/** The tasks that were begun, by all processes, sorted. */
function begun(): readonly string[] {
  return programs.flatMap(({ said }) => said.flatMap(({ begins }) => begins ?? [])).sort();
}

const DONE = {
  status: "success",
  outputs: { first: "do done", held: "wait done", last: "do done" },
  failures: [],
};

describe("a workflow that another live process of the mesh works on", () => {
  it("is joined by whoever asks for it, and each of its tasks is done once", async () => {
    const owner = await start("ask");
    await owner.says("begins", "w-held");
    const joiner = await start("ask");
    const onlooker = await start("serve");
    const other = await start("other");
    expect(await other.says("thrown")).toMatch(/its id belongs to another definition/);
    await open("open");
    expect(await owner.says("result")).toEqual(DONE);
    expect(await joiner.says("result")).toEqual(DONE);
    expect(await onlooker.says("ended")).toBe("success");
    expect(begun()).toEqual(["w-first", "w-held", "w-last"]);
    expect(await fabric.keyValue.keys("leases")).toEqual([]);
  });

  it("is begun once where two ask for it in the same instant", async () => {
    const both = [await start("together"), await start("together")];
    await open("go");
    const [one, two] = await Promise.all(both.map((program) => program.says("result")));
    expect(one).toMatchObject({ status: "success", outputs: { first: "do done", last: "do done" } });
    expect(two).toEqual(one);
    expect(begun()).toEqual(["w-first", "w-last"]);
  });

  it("is cancelled there by the signal of one that joined it", async () => {
    const owner = await start("ask");
    await owner.says("begins", "w-held");
    const joiner = await start("ask");
    await open("abort");
    const result = await joiner.says("result");
    expect(result).toMatchObject({ status: "cancelled", outputs: { first: "do done" } });
    expect(await owner.says("result")).toEqual(result);
  });

  it("is cancelled there by cancelWorkflow, also where nobody here asked for it", async () => {
    const owner = await start("ask");
    await owner.says("begins", "w-held");
    const canceller = await start("cancel");
    const result = await canceller.says("result");
    expect(result).toMatchObject({ status: "cancelled", outputs: { first: "do done" } });
    expect(await owner.says("result")).toEqual(result);
  });
});

describe("a workflow whose process is killed", () => {
  it("is gone on with at once by another that waits for it", async () => {
    const owner = await start("ask");
    await owner.says("begins", "w-held");
    const joiner = await start("ask");
    owner.program.child.kill("SIGKILL");
    await owner.program.ended;
    await joiner.says("begins", "w-held");
    await open("open");
    expect(await joiner.says("result")).toEqual(DONE);
    // What was in flight is begun again, and nothing else.
    expect(begun()).toEqual(["w-first", "w-held", "w-held", "w-last"]);
  });

  it("is gone on with at once by another that only serves, and by the next start", async () => {
    const owner = await start("ask");
    await owner.says("begins", "w-held");
    const onlooker = await start("serve");
    owner.program.child.kill("SIGKILL");
    await owner.program.ended;
    await onlooker.says("begins", "w-held");
    onlooker.program.child.kill("SIGKILL");
    await onlooker.program.ended;
    const next = await start("serve");
    await next.says("begins", "w-held");
    await open("open");
    expect(await next.says("ended")).toBe("success");
    expect(begun()).toEqual(["w-first", "w-held", "w-held", "w-held", "w-last"]);
  });
});

describe("a process that pauses for longer than its lease", () => {
  it("gives the result of the one that went on meanwhile", async () => {
    const owner = await start("shaky");
    await owner.says("retries", "shaky");
    // It must not be stopped in the middle of a write: the others would wait for that.
    while ((await fabric.queue.size("default.task.worker")).inHand > 0) await new Promise(setImmediate);
    signal(owner, "SIGSTOP");
    const [lease] = await fabric.keyValue.keys("leases");
    expect(lease).toBe("default.workflow.w");
    const joiner = await start("shaky");
    await fabric.keyValue.delete("leases", "default.workflow.w");
    const result = await joiner.says("result");
    expect(result).toMatchObject({ status: "success", outputs: { shaky: "shaky done", last: "do done" } });
    signal(owner, "SIGCONT");
    expect(await owner.says("result")).toEqual(result);
    expect(begun()).toEqual(["w-last", "w-shaky", "w-shaky-r2"]);
  });
});
