// `fettle demo`: the main job, shown happening: a task becomes code, code becomes a result.
import { Command } from "commander";
import type { TaskResult } from "../../core/task.ts";
import { loadConfig } from "../config.ts";
import { calculator, tasks } from "../demo/agents.ts";
import { answers } from "../demo/answers.ts";
import { Mesh } from "../mesh.ts";
import { openModel, type OpenedModel } from "../models.ts";
import { colours, paint, print, printJson } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportResult } from "../report.ts";

const PLAYED_BACK =
  "No model provider is configured: playing back answers written for this demo. Charts, sandbox and repair are real.";

/** The command. */
export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "let an agent solve three tasks: one at once, one with a repair, one with a tool and context",
    )
    .option("--json", "print the results as one JSON document")
    .addHelpText(
      "after",
      "\nExamples:\n  $ fettle demo\n  $ CLAUDE_API_KEY=sk-ant-… fettle demo\n  $ fettle demo --json 2>/dev/null\n\n" +
        "Uses the provider that the environment or .env configures; with none, it plays back recorded answers.\n" +
        "Results go to LOG_DIRECTORY (./logs), as those of any other task.",
    )
    .action(runDemo);
}

async function runDemo(options: { readonly json?: boolean }): Promise<void> {
  const config = loadConfig();
  const opened = openModel({ config, fallback: answers });
  const json = options.json === true;
  if (!json) print(introduction(opened));
  const progress = new Progress();
  const mesh = new Mesh({ config, model: opened.model }).add(calculator);
  const results: TaskResult[] = [];
  await mesh.start();
  try {
    for (const [index, { shows, task }] of tasks.entries()) {
      const states: string[] = [];
      const unsubscribe = mesh.subscribe((event) => {
        if (event.type === "state") states.push(event.state);
        if (!json) progress.show(event);
      });
      const result = await mesh.execute("calculator", task);
      unsubscribe();
      progress.end();
      results.push(result);
      if (json) continue;
      print(`\n${paint.bold(`${index + 1}. ${task.task}`)} ${paint.dim(`(shows ${shows})`)}`);
      print(reportResult(result, { colour: colours, states, logDirectory: config.logDirectory }));
    }
  } finally {
    await mesh.stop();
  }
  if (json) printJson({ source: opened.source, logDirectory: config.logDirectory, results });
  if (results.some(({ status }) => status !== "success")) process.exitCode = 1;
}

function introduction({ model, source }: OpenedModel): string {
  return source === "recorded" ? PLAYED_BACK : `Asking ${model.name}.`;
}
