// `fettle demo`: the main job, shown happening: a task becomes code, code becomes a result.
import { Command } from "commander";
import type { TaskResult } from "../../core/task.ts";
import { storeUrl } from "../blobs.ts";
import { loadConfig } from "../config.ts";
import { calculator, tasks } from "../demo/agents.ts";
import { answers } from "../demo/answers.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { introduceModel, openModel } from "../models.ts";
import { colours, paint, print, printJson } from "../output.ts";
import { Progress } from "../progress.ts";
import { reportResult } from "../report.ts";

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
  if (!json) print(introduceModel(opened, config));
  const progress = new Progress();
  // In a task queue that no other has: of two demos in one folder, each does its own tasks.
  const taskQueue = crypto.randomUUID();
  const mesh = new Mesh({ config, mode: "embedded", model: opened.model, name: "demo", taskQueue }).add(
    calculator,
  );
  const results: TaskResult[] = [];
  const interrupt = onInterrupt();
  try {
    await mesh.start();
    for (const [index, { shows, task }] of tasks.entries()) {
      if (interrupt.signal.aborted) break;
      const states: string[] = [];
      const result = await mesh.execute("calculator", task, {
        signal: interrupt.signal,
        onEvent: (event) => {
          if (event.type === "state") states.push(event.state);
          if (!json) progress.show(event);
        },
      });
      progress.end();
      results.push(result);
      if (json) continue;
      print(`\n${paint.bold(`${index + 1}. ${task.task}`)} ${paint.dim(`(shows ${shows})`)}`);
      print(
        reportResult(result, {
          colour: colours,
          states,
          logDirectory: config.logDirectory,
          store: storeUrl(config),
        }),
      );
    }
  } finally {
    interrupt.release();
    await mesh.stop({ mode: "cancel" });
  }
  if (json) printJson({ source: opened.source, logDirectory: config.logDirectory, results });
  const worked = results.length === tasks.length && results.every(({ status }) => status === "success");
  if (!worked) process.exitCode = interrupt.exitCode ?? 1;
}
