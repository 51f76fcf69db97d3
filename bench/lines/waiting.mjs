// Many guests that wait for a tool at the same time: what each costs in memory, and whether each gets its answer.
// Measured in a process of its own, since a process's memory tells nothing once others have used it.
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { RUNTIME_ARGS } from "../machine.mjs";

const execute = promisify(execFile);
const FLAGS = [...RUNTIME_ARGS, "Deno" in globalThis ? "--v8-flags=--expose-gc" : "--expose-gc"];

export const waiting = {
  id: "waiting",
  title: "Guests waiting on tools at once",
  unit: "MB each",
  better: "less",
  headline: "mbEach",
  aims: [
    { column: "mbEach", below: 1 },
    { column: "lost", below: 1 },
  ],
  async measure({ counts }) {
    const script = new URL("../waiting-guests.mjs", import.meta.url).pathname;
    const { stdout } = await execute(process.execPath, [...FLAGS, script, String(counts.waiting)]);
    return [{ name: "Fettle", apart: "fresh engine instance, in warm threads", ...JSON.parse(stdout) }];
  },
};
