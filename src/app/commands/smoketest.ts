// `fettle smoketest`: the whole line, end to end, with what is configured: model, charts, sandbox, storage.
// Invariant: its data goes to a folder of its own, which is removed afterwards unless it is to be kept.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { messageOf } from "../../core/errors.ts";
import type { Fabric } from "../../core/ports.ts";
import { createEmbeddedFabric } from "../../fabric/embedded/fabric.ts";
import { loadConfig } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { introduceModel, openModel } from "../models.ts";
import { paint, print, printJson } from "../output.ts";
import { Progress } from "../progress.ts";
import { answers } from "../smoketest/answers.ts";
import { leftoverHandles, openHandles } from "../smoketest/handles.ts";
import { prepareSteps, type SmokeStep } from "../smoketest/steps.ts";

interface SmoketestOptions {
  readonly keep?: boolean;
  readonly json?: boolean;
}

interface StepReport {
  readonly name: string;
  readonly status: "ok" | "failed";
  readonly seconds: number;
  readonly detail: string;
}

const EXAMPLES = `
Examples:
  $ fettle smoketest          with the provider that the environment or .env configures, else with played-back answers
  $ fettle smoketest --keep   leaves the results and the registry where they can be looked at

Exits with 0 where every step worked, else with 1.`;

/** The command. */
export function smoketestCommand(): Command {
  return new Command("smoketest")
    .description("run tasks end to end: code, repair, tool, workflow, custom agent, storage, stop")
    .option("--keep", "keep the folder with the results and the registry")
    .option("--json", "print the steps as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(smoketest);
}

async function smoketest(options: SmoketestOptions): Promise<void> {
  const json = options.json === true;
  const config = loadConfig();
  const opened = openModel({ config, fallback: answers });
  const { model, source } = opened;
  if (!json) print(introduceModel(opened, config));
  const before = openHandles();
  const folder = await mkdtemp(join(tmpdir(), "fettle-smoketest-"));
  const progress = new Progress({ liveOnly: true });
  const interrupt = onInterrupt();
  const steps: StepReport[] = [];
  const take = async (step: SmokeStep): Promise<void> => {
    const report = await runStep(step);
    progress.end();
    steps.push(report);
    if (!json) print(describeStep(report));
  };
  try {
    const fabric = createEmbeddedFabric({
      dataDirectory: join(folder, "data"),
      blobDirectory: join(folder, "results"),
    });
    const mesh = new Mesh({ config, model, fabric, name: "smoketest" });
    mesh.subscribe(progress.show);
    for (const step of prepareSteps(mesh, fabric, interrupt.signal)) {
      if (!interrupt.signal.aborted) await take(step);
    }
    await take(stopping(mesh, fabric, before));
  } finally {
    interrupt.release();
    if (options.keep !== true) await rm(folder, { recursive: true, force: true });
  }
  const ok = steps.every(({ status }) => status === "ok") && !interrupt.signal.aborted;
  const kept = options.keep === true ? folder : null;
  if (json) printJson({ ok, source, model: source === "provider" ? model.name : null, steps, kept });
  else print(`${ok ? "All steps worked." : "It does not work."}${kept === null ? "" : ` Kept: ${kept}`}`);
  if (!ok) process.exitCode = interrupt.exitCode ?? 1;
}

/** The last step, whatever became of those before it. */
function stopping(mesh: Mesh, fabric: Fabric, before: readonly string[] | null): SmokeStep {
  return {
    name: "Mesh stopped",
    run: async () => {
      await mesh.stop({ mode: "cancel" });
      await fabric.close();
      const left = await leftoverHandles(before);
      if (left === null) return "the process ends by itself";
      if (left.length > 0) throw new Error(`these still hold the process open: ${left.join(", ")}`);
      return "nothing holds the process open";
    },
  };
}

async function runStep(step: SmokeStep): Promise<StepReport> {
  const { name } = step;
  const startedAt = performance.now();
  const seconds = () => Math.round(performance.now() - startedAt) / 1000;
  try {
    const detail = await step.run();
    return { name, status: "ok", seconds: seconds(), detail };
  } catch (thrown) {
    return { name, status: "failed", seconds: seconds(), detail: messageOf(thrown) };
  }
}

function describeStep({ name, status, seconds, detail }: StepReport): string {
  const time = `${seconds.toFixed(2)} s`;
  if (status === "ok") return ` ${name}: ${paint.green("OK")} (${time}: ${detail})`;
  return ` ${name}: ${paint.red("FAILED")} (${time}): ${detail.replaceAll("\n", "\n   ")}`;
}
