// Approvals over HTTP: what waits for a person, and the answers to it.
// Invariant: the first answer stands, whoever gives it and wherever.
import { z } from "zod";
import { approvalSchema } from "../../approvals.ts";
import { jsonAnswer } from "./answer.ts";
import { defineRoute, type Call, type Route } from "./route.ts";

const TAG = "Approvals";

const text = (most: number) => z.string().trim().min(1).max(most).optional();
const answerForm = z
  .strictObject({
    by: text(200).meta({ description: "Who answers." }),
    note: text(10_000).meta({ description: "What the journal, and after a refusal the model, is to know." }),
  })
  .meta({ id: "ApprovalAnswer" });

const approvalForm = z
  .looseObject({
    ...approvalSchema.shape,
    subject: z.looseObject({ type: z.enum(["code", "tools", "budget"]) }).meta({
      description: "What is asked for: to run `code`, to make tool `calls`, to go past a `budget`.",
    }),
  })
  .meta({ id: "Approval" });

const listApprovals = defineRoute({
  method: "GET",
  path: "/v1/approvals",
  doc: {
    id: "listApprovals",
    tag: TAG,
    summary: "List what waits for a person, the oldest first",
    answers: { 200: { description: "What waits.", schema: z.object({ approvals: z.array(approvalForm) }) } },
  },
  handle: async ({ service }) => jsonAnswer({ approvals: await service.mesh.pending() }),
});

function answerRoute(verb: "approve" | "reject", summary: string, description: string): Route {
  return defineRoute({
    method: "POST",
    path: `/v1/approvals/{id}/${verb}`,
    body: answerForm,
    bodyOptional: true,
    doc: {
      id: `${verb}Approval`,
      tag: TAG,
      summary,
      description,
      answers: { 200: { description: "The approval, answered.", schema: approvalForm } },
      problems: [404, 409],
    },
    handle: async ({ service, name, body, requestId }: Call<z.output<typeof answerForm>>) => {
      const answered = await service.mesh[verb](name, body);
      const fields = { requestId, taskId: answered.taskId, approvalId: name, by: body.by };
      service.log.info(fields, verb === "approve" ? "an approval is given" : "an approval is refused");
      return jsonAnswer(answered);
    },
  });
}

/** All of them. */
export const approvalRoutes: readonly Route[] = [
  listApprovals,
  answerRoute("approve", "Allow what a task waits for", "It goes on at once."),
  answerRoute(
    "reject",
    "Refuse what a task waits for",
    "Code and tool calls go back to the model, with the note.",
  ),
];
