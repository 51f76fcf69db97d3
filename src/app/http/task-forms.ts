// The forms of tasks in requests and answers; what is asked is checked against them, and both are described by them.
// Invariant: what a form lets through, the mesh may still refuse, with an error that says why.
import { z } from "zod";
import { PROFILE_NAMES } from "../../core/profile.ts";
import { TASK_STANDINGS } from "../../task-list.ts";

/** A name: of a task, a workflow, a role. */
export const nameForm = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,128}$/, { error: 'expected 1 to 128 letters, digits, "_" and "-"' });

const amount = z.number().min(0);

/** What work may cost. */
export const budgetForm = z
  .strictObject({
    tokens: z.int().min(0).optional().meta({ description: "Of all kinds together." }),
    usd: amount.optional().meta({ description: "US dollars." }),
    wallMs: z.int().min(0).optional().meta({ description: "Time of calls and runs, in milliseconds." }),
    modelCalls: z.int().min(0).optional(),
    toolCalls: z.int().min(0).optional(),
    onExceeded: z.enum(["fail", "ask", "cheaper"]).optional(),
  })
  .meta({ id: "Budget", description: "What it may cost; what is absent is not limited." });

/** Data for the work. */
export const contextForm = z
  .record(z.string(), z.unknown())
  .meta({ description: "Data for the work; generated code sees it as `context`." });

/** A task that is asked for. */
export const taskForm = z
  .strictObject({
    agent: nameForm.meta({
      description: "The role of the agent that is to do it.",
      examples: ["calculator"],
    }),
    task: z
      .string({ error: "expected what to do, as a text" })
      .trim()
      .min(1, "expected what to do, as a text")
      .meta({ description: "What to do, in plain language.", examples: ["Calculate the factorial of 10"] }),
    id: nameForm.optional().meta({
      description:
        "What the task is called; made where absent. The same id again joins the task or gives its result.",
    }),
    context: contextForm.optional(),
    profile: z.enum(PROFILE_NAMES).optional().meta({ description: "How to work on it." }),
    budget: budgetForm.optional(),
  })
  .meta({ id: "TaskRequest" });

export const tokensForm = z
  .looseObject({
    input: z.number(),
    output: z.number(),
    cacheRead: z.number(),
    cacheWrite: z.number(),
  })
  .meta({ id: "Tokens" });

/** Why something failed. */
export const failureForm = z
  .looseObject({
    name: z.string(),
    message: z.string(),
    category: z.string(),
    line: z.int().optional(),
    column: z.int().optional(),
  })
  .meta({ id: "Failure" });

export const endForm = z.enum(["success", "failure", "cancelled"]);
export const costForm = z
  .number()
  .nullable()
  .meta({ description: "US dollars; null where a price is unknown." });

/** Where the parts of a task are found. */
export const linksForm = z
  .looseObject({
    self: z.string(),
    result: z.string().optional(),
    journal: z.string().optional(),
    events: z.string(),
    cancel: z.string(),
  })
  .meta({ id: "Links" });

/** A task's result. */
export const resultForm = z
  .looseObject({
    taskId: z.string(),
    role: z.string(),
    status: endForm,
    output: z.unknown().meta({ description: "What the agent produced; null unless `status` is `success`." }),
    outputExact: z.string().optional().meta({ description: "The value exactly, where JSON cannot say it." }),
    code: z.string().nullable().meta({ description: "The code that produced the output." }),
    repairs: z.int().meta({ description: "How often the code was sent back to the model." }),
    executionTime: z.number().meta({ description: "Seconds from acceptance to end." }),
    tokens: tokensForm,
    costUsd: costForm,
    resultId: z.string(),
    functionId: z.string().nullable(),
    error: failureForm.nullable(),
    attempts: z.array(z.looseObject({ code: z.string(), error: failureForm.nullable() })),
    model: z.string().nullable(),
    replayed: z.boolean(),
    reused: z.boolean(),
    profile: z.string().nullable(),
  })
  .meta({ id: "TaskResult" });

export const timeForm = z.number().meta({ description: "Milliseconds since 1970." });

/** A task as it is listed. */
export const summaryForm = z
  .looseObject({
    taskId: z.string(),
    role: z.string(),
    task: z.string(),
    status: z.enum(TASK_STANDINGS),
    interrupted: z.boolean(),
    approvalId: z.string().nullable(),
    node: z.string().nullable(),
    acceptedAt: timeForm,
    endedAt: timeForm.nullable(),
    repairs: z.int(),
    tokens: tokensForm,
    costUsd: costForm,
    error: failureForm.nullable(),
    links: linksForm,
  })
  .meta({ id: "Task" });

/** A page of a list of tasks. */
export const taskPageForm = z
  .object({
    tasks: z.array(summaryForm),
    next: z.string().nullable().meta({ description: "The address of the next page; null on the last." }),
  })
  .meta({ id: "TaskPage" });

/** A task's journal. */
export const journalForm = z
  .object({
    task: summaryForm,
    entries: z.array(z.looseObject({ type: z.string(), at: timeForm })),
  })
  .meta({ id: "Journal" });

/** Why something is to be cancelled. */
export const cancelForm = z
  .strictObject({ reason: z.string().trim().min(1).max(2_000).optional() })
  .meta({ id: "Cancel" });

/** How many of a list. */
export const limitForm = z
  .string()
  .regex(/^(?:[1-9]\d?|[1-4]\d\d|500)$/, { error: "expected a whole number from 1 to 500" })
  .optional()
  .meta({ description: "At most so many; 50 where absent." });

/** Where a page of a list begins. */
export const beforeForm = z
  .string()
  .regex(/^\d{1,15}\.[A-Za-z0-9_-]{1,128}$/, { error: "expected what `next` of the page before has" })
  .optional()
  .meta({ description: "Where the page begins; `next` has it." });

/** How long to wait. */
export const waitForm = z
  .string()
  .regex(/^\d{1,9}$/, { error: "expected a whole number of seconds, 0 for not at all" })
  .optional()
  .meta({ description: "Seconds to wait for the result; 0 for not at all." });
