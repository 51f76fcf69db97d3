// The forms of workflows in requests and answers.
// Invariant: a step is what `fettle workflow` files have: plain data, its functions as conditions.
import { z } from "zod";
import { stepSchema } from "../../core/step-schema.ts";
import {
  budgetForm,
  contextForm,
  costForm,
  endForm,
  failureForm,
  linksForm,
  nameForm,
  resultForm,
} from "./task-forms.ts";
import { timeForm, tokensForm } from "./task-forms.ts";

/** A workflow that is asked for. */
export const workflowForm = z
  .strictObject({
    id: nameForm.optional().meta({
      description:
        "What the run is called; made where absent. The same id again goes on with it or gives its result.",
    }),
    context: contextForm.optional(),
    steps: z
      .array(stepSchema.meta({ id: "Step", description: "What one agent does, and what comes before it." }))
      .min(1, "expected at least one step"),
    budget: budgetForm.optional(),
  })
  .meta({ id: "WorkflowRequest" });

const stepStatus = z.enum(["waiting", "running", "success", "failure", "cancelled", "skipped"]);

/** A workflow as it is listed. */
export const workflowSummaryForm = z
  .looseObject({
    workflowId: z.string(),
    status: z.enum(["running", ...endForm.options]),
    startedAt: timeForm,
    endedAt: timeForm.nullable(),
    steps: z.array(
      z.object({
        id: z.string(),
        agent: z.string(),
        dependsOn: z.array(z.string()),
        status: stepStatus,
        tasks: z
          .array(z.object({ taskId: z.string(), status: endForm }))
          .meta({ description: "Those that have ended." }),
      }),
    ),
    tokens: tokensForm,
    costUsd: costForm,
    links: linksForm,
  })
  .meta({ id: "Workflow" });

/** A page of a list of workflows. */
export const workflowPageForm = z
  .object({ workflows: z.array(workflowSummaryForm), next: z.string().nullable() })
  .meta({ id: "WorkflowPage" });

/** A workflow's result. */
export const workflowResultForm = z
  .looseObject({
    id: z.string(),
    status: endForm,
    outputs: z.record(z.string(), z.unknown()).meta({ description: "Of the steps that succeeded, by id." }),
    steps: z.array(
      z.looseObject({
        id: z.string(),
        agent: z.string(),
        status: z.string(),
        output: z.unknown(),
        error: failureForm.nullable(),
        tasks: z.array(resultForm),
      }),
    ),
    failures: z.array(z.looseObject({ step: z.string(), index: z.int().nullable(), error: failureForm })),
    executionTime: z.number(),
    tokens: tokensForm,
    costUsd: costForm,
    recorded: z.boolean().meta({ description: "Whether nothing was run this time: it had ended before." }),
  })
  .meta({ id: "WorkflowResult" });
