// One run of a scenario over several lives: each is killed as planned, the last goes to the end.
// Invariant: between two lives nothing of the first is left but its data folder, which is read before the next begins.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readEvidence } from "./evidence.mjs";

const CHILD = fileURLToPath(new URL("child.mjs", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const RUNTIME = "Deno" in globalThis ? ["run", "--allow-all", "--config", CONFIG] : [];
/** A life that has not ended by then will not: something of it is lost. */
const PATIENCE_MS = 60_000;

/**
 * Runs a scenario.
 *
 * @param witness where the processes' calls are recorded
 * @param plan `{ name, scenario, deaths }`; a death is `{ point, when }` or `{ afterMs }`, counted from when a life begins
 */
export async function run(witness, { name, scenario, id, deaths }) {
  const directory = await mkdtemp(join(tmpdir(), "fettle-chaos-"));
  const state = {
    lives: [],
    kills: [],
    told: null,
    ended: false,
    why: "",
    left: [],
    spent: {},
    writes: [],
    tookMs: 0,
  };
  const record = witness.record(name, {
    answer: scenario.answer,
    told: (message, life) => state.told?.(message, life),
  });
  try {
    for (let life = 0; life <= deaths.length && !state.ended && state.why === ""; life += 1) {
      state.lives.push(life === 0 ? new Map() : await readEvidence(directory));
      await live(state, { id, directory, url: record.url(life), death: deaths[life] ?? null });
    }
    return { ...state, evidence: await readEvidence(directory), calls: record.calls };
  } finally {
    record.end();
    await rm(directory, { recursive: true, force: true });
  }
}

async function live(state, { id, directory, url, death }) {
  const exact = death !== null && "point" in death ? death : null;
  const job = { scenario: id, directory, url, death: exact };
  const child = spawn(process.execPath, [...RUNTIME, CHILD, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  let isOverdue = false;
  const timers = [
    setTimeout(() => {
      isOverdue = true;
      child.kill("SIGKILL");
    }, PATIENCE_MS),
  ];
  let begunAt = 0;
  state.told = (message) => {
    if (message.type === "begins") {
      begunAt = performance.now();
      if (death !== null && "afterMs" in death) {
        timers.push(setTimeout(() => child.kill("SIGKILL"), death.afterMs));
      }
    }
    if (message.type === "ended") {
      state.ended = true;
      state.left = message.left;
      state.spent = message.spent;
      state.writes = message.writes;
      state.tookMs = performance.now() - begunAt;
    }
  };
  const { code, signal } = await closed;
  for (const timer of timers) clearTimeout(timer);
  state.told = null;
  if (isOverdue) state.why = `after ${PATIENCE_MS / 1000} s it had not ended. ${stderr}`;
  else if (signal === "SIGKILL" && death !== null) {
    if (!state.ended) state.kills.push({ ...death, ...(stdout === "" ? {} : JSON.parse(stdout)) });
  } else if (code !== 0) state.why = `it ended with ${code ?? signal}. ${stderr}`;
}
