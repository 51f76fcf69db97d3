// `fettle replay <taskId>`: a task done again from its journal alone, and what differs.
// Invariant: no model is asked and no tool called; the data is read alone.
import { inspect } from "node:util";
import { Command } from "commander";
import type { Difference, ReplayedRun } from "../../../actors/replay-run.ts";
import { replayTask, type Replay } from "../../../actors/replay.ts";
import { loadConfig } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { paint, print, printable, printJson } from "../output.ts";
import { openLoneSandbox } from "../sandbox.ts";
import { openStoredMesh, readTask } from "../stored-mesh.ts";
import { beginning, count } from "../wording.ts";

const EXAMPLES = `
Examples:
  $ fettle replay t1          every state and run of t1 again, each with ✓ or ✗
  $ fettle replay t1 --json   the same as { "verdict", "states", "runs", "outcome", … }

The journal gives the model's answers and the tools' returns: no model is asked, no tool is called, nothing is paid. The
runs are made again in the sandbox, with the recorded seed and clock. Runs that their time limit, a cancel or a lost
isolate ended are told as not comparable. A task that has not ended is replayed as far as its journal goes.

Exits with 0 where all is as recorded, with 1 where something differs.`;

/** The command. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("do a task again from its journal alone, and compare every state")
    .argument("<taskId>", "the task's id")
    .option("--json", "print the comparison as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(replay);
}

async function replay(taskId: string, { json }: { readonly json?: boolean }): Promise<void> {
  const config = loadConfig();
  const entries = await (async () => {
    await using stored = await openStoredMesh(config);
    return await readTask(stored, taskId);
  })();
  const interrupt = onInterrupt();
  await using sandbox = await openLoneSandbox(config);
  try {
    const replayed = await replayTask(entries, sandbox, { signal: interrupt.signal });
    if (json === true) printJson(replayed);
    else print(describe(replayed));
    if (replayed.verdict !== "same") process.exitCode = 1;
  } catch (thrown) {
    if (interrupt.exitCode === undefined) throw thrown;
    process.exitCode = interrupt.exitCode;
  } finally {
    interrupt.release();
  }
}

const YES = paint.green("✓");
const NO = paint.red("✗");
const UNSURE = paint.yellow("–");

function describe({ taskId, verdict, states, runs, outcome, notes, isEnded }: Replay): string {
  const different =
    states.filter(({ same }) => !same).length +
    runs.filter((run) => run.verdict === "different").length +
    outcome.length;
  const total = [count(states.length, "state"), count(runs.length, "run")].join(", ");
  const end = isEnded ? "" : ", as far as its journal goes";
  return [
    `${paint.bold(taskId)}  ${total}`,
    ...states.map(({ recorded, replayed, same }, at) => {
      const name = same
        ? (replayed ?? "")
        : `${recorded ?? "nothing"} is recorded, ${replayed ?? "nothing"} comes now`;
      const unrecorded = same && recorded === null ? paint.dim(" (not recorded yet)") : "";
      return `${same ? YES : NO} state ${at + 1}  ${printable(name)}${unrecorded}`;
    }),
    ...runs.flatMap(runLines),
    ...outcome.flatMap((one) => [`${NO} outcome  ${one.what}`, ...differenceLines(one)]),
    ...(isEnded && outcome.length === 0 && states.length > 0 ? [`${YES} outcome`] : []),
    ...notes.map((note) => `${UNSURE} ${note}`),
    verdict === "same"
      ? paint.green(`The same${end}.`)
      : paint.red(
          `${count(different, "difference")}: the journal was changed, or is not done now as it was then.`,
        ),
  ].join("\n");
}

function runLines({ attempt, verdict, note, differences }: ReplayedRun): readonly string[] {
  const sign = { same: YES, different: NO, incomparable: UNSURE }[verdict];
  const word = verdict === "incomparable" ? "  not comparable" : "";
  return [
    `${sign} run ${attempt}${word}${note === null ? "" : `  ${beginning(note, 400)}`}`,
    ...differences.flatMap((one) => [`    ${one.what}`, ...differenceLines(one)]),
  ];
}

function differenceLines({ recorded, replayed }: Difference): readonly string[] {
  return [`    recorded: ${shown(recorded)}`, `    now:      ${shown(replayed)}`];
}

function shown(value: unknown): string {
  return beginning(inspect(value, { depth: 8, breakLength: Infinity }), 400);
}
