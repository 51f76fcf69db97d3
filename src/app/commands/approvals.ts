// `fettle approvals`: what waits for a person, and the answers to it.
// Invariant: it works beside a mesh that runs on the same data, and where none runs; nothing is answered unasked.
import { userInfo } from "node:os";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import type { Approval } from "../../core/approval.ts";
import { ApprovalError } from "../../core/errors.ts";
import { paint, print, printable, printJson } from "../output.ts";
import { openStoredMesh, type StoredMesh } from "../stored-mesh.ts";
import { subjectDetails, subjectText } from "../timeline.ts";
import { beginning, count, duration, moment } from "../wording.ts";

interface AnswerOptions {
  readonly by?: string;
  readonly note?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle approvals                                  what waits; on a terminal, asks for each answer
  $ fettle approvals --json                           the same as { "pending": [ … ] }
  $ fettle approvals approve t1-a1 --note "as agreed"
  $ fettle approvals reject t1-a1 --note "not to that address" --by ann

An answer reaches the task at once where a process is at work on it, else when one goes on with it ("fettle tasks" says
which). What is rejected goes back to the model with the note, as long as it may repair. The approvals are those of
FETTLE_MESH in FETTLE_DATA_DIRECTORY.`;

/** The command. */
export function approvalsCommand(): Command {
  return new Command("approvals")
    .description("list what waits to be allowed, and allow or refuse it")
    .enablePositionalOptions()
    .option("--json", "print what waits as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(list)
    .addCommand(answerCommand("approve", "allow it: the task goes on"))
    .addCommand(answerCommand("reject", "refuse it: the reason goes back to the model"));
}

function answerCommand(name: "approve" | "reject", description: string): Command {
  const command = new Command(name)
    .description(description)
    .argument("<id>", "the approval's id, as listed by: fettle approvals")
    .option("--by <name>", "who answers; default: the system user's name")
    .option("--json", "print the answered approval as JSON");
  const note = "what the task's journal, and after a refusal the model, is to know";
  if (name === "approve") command.option("--note <text>", note);
  else command.requiredOption("--note <text>", note);
  const example = name === "approve" ? "" : ' --note "not to that address"';
  return command
    .addHelpText("after", `\nExamples:\n  $ fettle approvals ${name} t1-a1${example}`)
    .action((id: string, options: AnswerOptions) => answer(id, name, options));
}

async function list(options: { readonly json?: boolean }): Promise<void> {
  await using stored = await openStoredMesh();
  const pending = await stored.approvals.pending();
  if (options.json === true) printJson({ mesh: stored.name, pending });
  else if (pending.length === 0) print(`Nothing waits to be allowed in the mesh "${stored.name}".`);
  else if (process.stdin.isTTY && process.stdout.isTTY) await ask(stored, pending);
  else print(pending.map(describe).join("\n\n"));
}

async function answer(id: string, name: "approve" | "reject", options: AnswerOptions): Promise<void> {
  const { by = userName(), note, json } = options;
  await using stored = await openStoredMesh();
  const decision = name === "approve" ? "approved" : "rejected";
  const answered = await give(stored, id, decision, { by, note });
  if (json === true) printJson(answered);
  else print(`${answered.approvalId} ${decision} by ${printable(by)}: ${subjectText(answered.subject)}.`);
}

async function give(
  stored: StoredMesh,
  id: string,
  decision: "approved" | "rejected",
  answerer: { readonly by: string; readonly note: string | undefined },
): Promise<Approval> {
  try {
    return await stored.approvals.answer(id, decision, answerer);
  } catch (thrown) {
    if (!(thrown instanceof ApprovalError) || thrown.code !== "APPROVAL_UNKNOWN") throw thrown;
    const waiting = (await stored.approvals.pending()).map(({ approvalId }) => approvalId);
    const those = waiting.length === 0 ? "Nothing waits now." : `What waits now: ${waiting.join(", ")}.`;
    throw new ApprovalError("APPROVAL_UNKNOWN", `${thrown.message} ${those}`);
  }
}

/** One after the other; an empty answer, or the end of the input, leaves it waiting. */
async function ask(stored: StoredMesh, pending: readonly Approval[]): Promise<void> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const closed = new AbortController();
  lines.once("close", () => closed.abort());
  const by = userName();
  const question = (text: string) => lines.question(text, { signal: closed.signal }).catch(() => null);
  try {
    for (const [at, approval] of pending.entries()) {
      print(`${at === 0 ? "" : "\n"}${describe(approval)}`);
      const told = await question(`Allow it as ${printable(by)}? [y]es, [n]o, [s]kip: `);
      if (told === null) return;
      const choice = told.trim().toLowerCase();
      if (!/^(?:y|yes|n|no)$/.test(choice)) continue;
      const note = choice.startsWith("n") ? await question("Why not? ") : undefined;
      if (note === null) return;
      const decision = choice.startsWith("y") ? "approved" : "rejected";
      try {
        await give(stored, approval.approvalId, decision, { by, note: note === "" ? undefined : note });
        print(`${approval.approvalId} ${decision}.`);
      } catch (thrown) {
        // Somebody else was faster: that is no reason not to go on with the next.
        if (!(thrown instanceof ApprovalError)) throw thrown;
        print(thrown.message);
      }
    }
  } finally {
    lines.close();
  }
}

function describe(approval: Approval): string {
  const { approvalId, role, task, taskId, subject, askedAt, expiresAt } = approval;
  const now = Date.now();
  const expires = expiresAt === null ? "" : `, expires in ${duration(Math.max(0, expiresAt - now))}`;
  const since = `since ${moment(askedAt)} (${duration(Math.max(0, now - askedAt))})${expires}`;
  const things = subject.type === "tools" ? count(subject.calls.length, "tool call") : subject.type;
  return [
    `${paint.bold(approvalId)}  ${things}  ${paint.dim(since)}`,
    `  ${role}, task ${taskId}: ${beginning(task, 100)}`,
    `  ${subjectText(subject)}:`,
    ...subjectDetails(subject).map((detail) => paint.cyan(printable(detail).replace(/^(?=.)/gm, "    "))),
  ].join("\n");
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}
