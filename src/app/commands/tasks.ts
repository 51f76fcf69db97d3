// `fettle tasks`: the tasks of a mesh, the newest first, from their journals; and their deletion.
// Invariant: listing reads alone, whether or not a mesh runs on the data; only tasks that have ended are deleted.
import { Command, InvalidArgumentError, Option } from "commander";
import { TASK_STANDINGS, type TaskFilter, type TaskStanding, type TaskSummary } from "../../task-list.ts";
import { paint, print, printJson } from "../output.ts";
import { openStoredMesh, readTask, type StoredMesh } from "../stored-mesh.ts";
import { beginning, columns, count, duration, goesOn, moment, price } from "../wording.ts";

interface ListOptions {
  readonly role?: string;
  readonly status?: TaskStanding;
  readonly limit: number;
  readonly dead?: boolean;
  readonly json?: boolean;
}

interface DeleteOptions {
  readonly olderThan?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle tasks                              the newest of all tasks
  $ fettle tasks --status awaiting-approval   those that wait for a person (fettle approvals answers)
  $ fettle tasks --role calculator --limit 5 --json
  $ fettle tasks --dead                       what the queues gave up
  $ fettle tasks delete t1 t2                 the journals of tasks that have ended
  $ fettle tasks delete --older-than 30d

The tasks are those of FETTLE_MESH in FETTLE_DATA_DIRECTORY. Nothing is changed by looking, and meshes may run meanwhile.
"fettle show <id>" tells all of one task.`;

const DELETE_HELP = `
Examples:
  $ fettle tasks delete t1 t2
  $ fettle tasks delete --older-than 30d --json

Deletes journals of tasks that have ended; what they stored (LOG_DIRECTORY) stays. A task that is given anew under the id
of a deleted one is done anew. Exits with 1 where a task was not deleted.`;

/** The command. */
export function tasksCommand(): Command {
  return new Command("tasks")
    .description("list the tasks of the mesh, or delete journals of ended ones")
    .enablePositionalOptions()
    .option("--role <role>", "only tasks of that role")
    .addOption(new Option("--status <status>", "only tasks that stand so").choices(TASK_STANDINGS))
    .option("--limit <n>", "at most so many", readCount, 20)
    .option("--dead", "dead letters in place of tasks: what the queues gave up")
    .option("--json", "print the tasks as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(list)
    .addCommand(
      new Command("delete")
        .description("delete the journals of tasks that have ended")
        .argument("[id...]", "the tasks' ids")
        .option("--older-than <time>", "all that ended longer ago, such as 30d, 12h or 45m", readDuration)
        .option("--json", "print what was deleted as one JSON document")
        .addHelpText("after", DELETE_HELP)
        .action(deleteTasks),
    );
}

async function list(options: ListOptions): Promise<void> {
  await using stored = await openStoredMesh();
  if (options.dead === true) {
    await listDead(stored, options);
    return;
  }
  const { role, status, limit } = options;
  const { tasks, more } = await stored.tasks.list({ role, status, limit });
  const answered = await answeredOf(stored, tasks);
  if (options.json === true) {
    printJson({ mesh: stored.name, tasks, more });
    return;
  }
  if (tasks.length === 0) {
    const filters = [role, status].filter((one) => one !== undefined).join(", ");
    const which = filters === "" ? "No tasks" : `No such tasks (${filters})`;
    print(`${which} in the mesh "${stored.name}" in ${stored.place}.`);
    return;
  }
  const rows = tasks.map((task) => rowOf(task, answered));
  const [head, ...lines] = columns([HEAD, ...rows]);
  print(paint.dim(head ?? ""));
  for (const [at, line] of lines.entries()) print(tinted(line, tasks[at]));
  if (more > 0) print(paint.dim(`${count(more, "older task")} not looked at: --limit shows more.`));
}

const HEAD = ["id", "role", "status", "accepted", "took", "repairs", "tokens", "cost", "task"];

function rowOf(task: TaskSummary, answered: ReadonlySet<string>): readonly string[] {
  const { input, output, cacheRead, cacheWrite } = task.tokens;
  const tokens = input + output + cacheRead + cacheWrite;
  return [
    task.taskId,
    task.role,
    task.interrupted && task.status === "waiting" ? "interrupted" : task.status,
    moment(task.acceptedAt),
    duration((task.endedAt ?? Date.now()) - task.acceptedAt),
    String(task.repairs),
    tokens === 0 ? "" : tokens.toLocaleString("en"),
    tokens === 0 ? "" : price(task.costUsd),
    [beginning(task.task, 60), ...remarks(task, answered)].join("  "),
  ];
}

function remarks(task: TaskSummary, answered: ReadonlySet<string>): readonly string[] {
  if (task.status === "awaiting-approval") {
    return answered.has(task.taskId)
      ? [`(answered: ${goesOn(task)})`]
      : [`(fettle approvals: ${task.approvalId ?? ""})`];
  }
  if (task.interrupted) return [`(interrupted: ${goesOn(task)})`];
  if (task.error !== null) return [`(${task.error.name}: ${beginning(task.error.message, 60)})`];
  return [];
}

/** The tasks whose approval has an answer that no process has taken up yet. */
async function answeredOf(stored: StoredMesh, tasks: readonly TaskSummary[]): Promise<ReadonlySet<string>> {
  const waiting = tasks.filter(({ status }) => status === "awaiting-approval");
  if (waiting.length === 0) return new Set();
  const pending = new Set((await stored.approvals.pending()).map(({ approvalId }) => approvalId));
  return new Set(
    waiting.filter(({ approvalId }) => !pending.has(approvalId ?? "")).map(({ taskId }) => taskId),
  );
}

function tinted(line: string, task: TaskSummary | undefined): string {
  const status = task?.status;
  if (task === undefined || status === undefined) return line;
  const shown = task.interrupted && status === "waiting" ? "interrupted" : status;
  const tint = {
    waiting: paint.yellow,
    running: paint.cyan,
    "awaiting-approval": paint.magenta,
    success: paint.green,
    failure: paint.red,
    cancelled: paint.yellow,
  }[status];
  const from = line.indexOf(`  ${shown}`, task.taskId.length) + 2;
  return `${line.slice(0, from)}${tint(shown)}${line.slice(from + shown.length)}`;
}

async function listDead(stored: StoredMesh, { role, limit, json }: ListOptions): Promise<void> {
  const roles = role === undefined ? await stored.tasks.roles() : [role];
  const dead = (await stored.tasks.dead(roles)).slice(0, limit);
  if (json === true) printJson({ mesh: stored.name, dead });
  else if (dead.length === 0) print(`No dead letters in the mesh "${stored.name}".`);
  else {
    const rows = dead.map((letter) => [
      letter.taskId,
      letter.role,
      moment(letter.at),
      String(letter.deliveries),
      beginning(letter.reason, 100),
    ]);
    const [head, ...lines] = columns([["id", "role", "given up", "deliveries", "reason"], ...rows]);
    print([paint.dim(head ?? ""), ...lines].join("\n"));
  }
}

async function deleteTasks(ids: readonly string[], options: DeleteOptions, command: Command): Promise<void> {
  const { olderThan, json } = options;
  if ((ids.length === 0) === (olderThan === undefined)) {
    command.error("error: name the tasks by their ids, or say --older-than: one of the two.");
  }
  await using stored = await openStoredMesh();
  const deleted: TaskSummary[] = [];
  const refused: { readonly taskId: string; readonly message: string }[] = [];
  for (const taskId of olderThan === undefined
    ? new Set(ids)
    : await endedBefore(stored, Date.now() - olderThan)) {
    try {
      await readTask(stored, taskId);
      deleted.push(await stored.tasks.delete(taskId));
    } catch (thrown) {
      if (!(thrown instanceof Error) || !("code" in thrown)) throw thrown;
      refused.push({ taskId, message: thrown.message });
    }
  }
  if (json === true) printJson({ mesh: stored.name, deleted, refused });
  else {
    for (const task of deleted) {
      print(`deleted ${task.taskId} (${task.role}, ${task.status}): ${beginning(task.task, 80)}`);
    }
    print(`${count(deleted.length, "journal")} deleted. What the tasks stored is still there.`);
  }
  for (const { message } of refused) process.stderr.write(`fettle: ${message}\n`);
  if (refused.length > 0) process.exitCode = 1;
}

async function endedBefore(stored: StoredMesh, time: number): Promise<readonly string[]> {
  const filter: TaskFilter = { until: time };
  const { tasks } = await stored.tasks.list(filter);
  return tasks.filter(({ endedAt }) => endedAt !== null && endedAt <= time).map(({ taskId }) => taskId);
}

function readCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It takes a whole number from 1.");
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function readDuration(text: string): number {
  const [, number, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (UNITS[unit] ?? 0);
  throw new InvalidArgumentError("It takes a number with s, m, h or d, such as 30d.");
}
