// The effect behind `serving`: takes messages from an actor's mailbox, one by one, and hands them to its agent.
// Invariant: each message is answered exactly once, by its handler, by the error that it met, or by the news
// that the actor stopped; a message that crashes the actor is not tried again.
import { z } from "zod";
import type { AgentDefinition, CustomAgent } from "../src/core/agent.ts";
import { sealError, sealValue, type Envelope } from "../src/core/envelope.ts";
import { DeliveryError, MeshStateError, messageOf } from "../src/core/errors.ts";
import type { ActorContext } from "../src/core/handler.ts";
import type { Task, TaskResult } from "../src/core/task.ts";
import type { Telemetry, Traced } from "../src/core/telemetry.ts";
import type { Mailbox } from "../src/mailbox.ts";

/** A message in a mailbox, with the way to answer it; only the first answer counts. */
export interface Mail {
  readonly envelope: Envelope;
  /** What the envelope holds: opened where it arrives, so that a malformed one is its sender's error. */
  readonly body: unknown;
  readonly reply: (answer: string) => void;
  /** Told once what became of a message that is kept until then; absent for the others. */
  readonly settle?: (end: MailEnd) => void;
}

/** What became of a message: its handler returned, it failed, or the actor stopped before. */
export type MailEnd =
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly reason: string }
  | { readonly type: "stopped" };

/** What reading a mailbox needs to know of its actor. */
export interface IntakeOptions {
  readonly agent: AgentDefinition;
  readonly address: string;
  readonly mailbox: Mailbox<Mail>;
  readonly signal: AbortSignal;
  readonly context: (signal: AbortSignal) => ActorContext;
  readonly execute: (task: string | Task, options: Traced) => Promise<TaskResult>;
  /** Handles a message that belongs to a trace. */
  readonly deliver: Telemetry["deliver"];
  /** Told of errors that nobody waits for. */
  readonly warn: (thrown: unknown, envelope: Envelope) => void;
}

/** Reads until the mailbox is closed and empty (null), or a handler throws (the message of the crash). */
export async function readMailbox(options: IntakeOptions): Promise<string | null> {
  const { agent, mailbox, signal } = options;
  if (agent.kind === "custom") return readMessages(agent, options);
  for (;;) {
    const mail = await mailbox.take(signal);
    if (mail === null) return null;
    takeTask(mail, options);
  }
}

/** One context and one ear for the actor's end serve all messages: what is made for each costs more than most handlers. */
async function readMessages(agent: CustomAgent, options: IntakeOptions): Promise<string | null> {
  const { mailbox, signal } = options;
  const context = Object.freeze(options.context(signal));
  const parts = { ...options, handlerContext: context };
  let current: Mail | null = null;
  const stopped = () => {
    current?.reply(sealError(stoppedError(options.address)));
    current?.settle?.({ type: "stopped" });
  };
  signal.addEventListener("abort", stopped, { once: true });
  try {
    for (;;) {
      current = null;
      // What is there is taken without a turn of the event loop's queue for each.
      const mail = mailbox.next(signal) ?? (await mailbox.take(signal));
      if (mail === null) return null;
      current = mail;
      const handled = handleMail(agent, mail, parts);
      const crash = handled instanceof Promise ? await handled : handled;
      if (crash !== null) return crash;
    }
  } finally {
    signal.removeEventListener("abort", stopped);
  }
}

/** Null, or why the actor crashed: at once where the handler is done at once. */
function handleMail(
  agent: CustomAgent,
  mail: Mail,
  options: IntakeOptions & { readonly handlerContext: ActorContext },
): string | null | Promise<string | null> {
  const { id, type, from, trace } = mail.envelope;
  const done = (value: unknown): null => {
    answer(mail, value, options);
    mail.settle?.({ type: "done" });
    return null;
  };
  const failed = (thrown: unknown): string => {
    mail.reply(sealError(thrown));
    mail.settle?.({ type: "failed", reason: messageOf(thrown) });
    return messageOf(thrown);
  };
  try {
    const message = { type, id, from: from as ActorContext["self"] | null, body: mail.body };
    const handle = (): unknown => agent.handle(message, options.handlerContext);
    const value = trace === undefined ? handle() : options.deliver({ trace, role: agent.role, type }, handle);
    return isThenable(value) ? Promise.resolve(value).then(done).catch(failed) : done(value);
  } catch (thrown) {
    return failed(thrown);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** An answer that cannot be encoded is the asker's bad news, not a crash. */
function answer(mail: Mail, value: unknown, options: IntakeOptions): void {
  if (mail.envelope.type !== "ask") return;
  try {
    mail.reply(sealValue(value));
  } catch (thrown) {
    options.warn(thrown, mail.envelope);
    mail.reply(
      sealError(new DeliveryError("HANDLER_FAILED", `The answer cannot be sent: ${messageOf(thrown)}`)),
    );
  }
}

const taskBody = z.union([
  z.string().trim().min(1),
  z.strictObject({
    id: z.string().optional(),
    task: z.string().trim().min(1),
    context: z.record(z.string(), z.unknown()).optional(),
  }),
]);

/** To an agent that writes code, every message is a task; it runs beside the mailbox, which goes on. */
function takeTask(mail: Mail, options: IntakeOptions): void {
  const run = async () => {
    const body = taskBody.safeParse(mail.body);
    if (!body.success) {
      const problem = body.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join("; ");
      throw new DeliveryError(
        "MESSAGE_INVALID",
        `"${options.address}" takes tasks, as text or { task, context?, id? }, not this: ${problem}`,
      );
    }
    const { trace } = mail.envelope;
    mail.reply(sealValue(await options.execute(taskOf(mail, body.data as string | Task), { trace })));
    mail.settle?.({ type: "done" });
  };
  run().catch((thrown: unknown) => {
    options.warn(thrown, mail.envelope);
    mail.reply(sealError(thrown));
    const isStopped = thrown instanceof MeshStateError;
    mail.settle?.(isStopped ? { type: "stopped" } : { type: "failed", reason: messageOf(thrown) });
  });
}

/** A message that is kept until it is done may come again: its task is the same then. */
function taskOf({ settle, envelope }: Mail, task: string | Task): string | Task {
  if (settle === undefined) return task;
  const given = typeof task === "string" ? { task } : task;
  return { ...given, id: given.id ?? envelope.id };
}

/** What the senders of unread messages are told. */
export function stoppedError(address: string): DeliveryError {
  return new DeliveryError("ACTOR_STOPPED", `The actor "${address}" stopped before it answered.`);
}
