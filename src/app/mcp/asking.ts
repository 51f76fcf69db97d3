// Approvals, asked of the person at the client: what a task waits for goes to them as a form, and the call goes on with
// what they say. The client's model has no say in it.
// Invariant: what is answered is the approval that was asked for: the state that travels through the client is signed.
import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  inputResponse,
  type ClientCapabilities,
  type InputRequiredResult,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";
import { ApprovalError } from "../../core/errors.ts";
import type { TaskEvent } from "../../core/task.ts";
import type { MeshSystem } from "../../mesh.ts";
import { subjectDetails, subjectText } from "../timeline.ts";

/** An approval that a task waits for, as it is told. */
export type ApprovalEvent = Extract<TaskEvent, { readonly type: "approval" }>;

/** What the client keeps while the person decides. */
export interface Asked {
  readonly taskId: string;
  readonly approvalId: string;
}

/** So long may a person take, in seconds. */
const PATIENCE_S = 24 * 3600;
/** So often may one call ask. */
const MOST_QUESTIONS = 100;
const LONGEST_MESSAGE = 8_000;
const FORM = "approval";

const answerForm = z.object({
  decision: z.enum(["approve", "reject"]).describe("Whether the agent may do this."),
  note: z.string().optional().describe("For the agent, where it may not: what to do in its place."),
});

/** Asks persons at clients, on behalf of the tasks of one mesh. */
export class Asking {
  readonly #mesh: MeshSystem;
  readonly #codec: RequestStateCodec<Asked> = createRequestStateCodec<Asked>({
    key: crypto.getRandomValues(new Uint8Array(32)),
    ttlSeconds: PATIENCE_S,
  });

  constructor(mesh: MeshSystem) {
    this.#mesh = mesh;
  }

  /** What a server is made with that asks. */
  get serverOptions() {
    return {
      inputRequired: { maxRounds: MOST_QUESTIONS, roundTimeoutMs: PATIENCE_S * 1000 },
      requestState: { verify: (state: string, context: ServerContext) => this.#codec.verify(state, context) },
    };
  }

  /** What to give the client in place of a result, for it to ask. */
  async question({ taskId, approvalId, role, subject }: ApprovalEvent): Promise<InputRequiredResult> {
    const message = `The agent "${role}" asks ${subjectText(subject)}:\n\n${subjectDetails(subject).join("\n")}`;
    const shown = message.length <= LONGEST_MESSAGE ? message : `${message.slice(0, LONGEST_MESSAGE)}…`;
    return inputRequired({
      inputRequests: { [FORM]: inputRequired.elicit({ message: shown, requestedSchema: answerForm }) },
      requestState: await this.#codec.mint({ taskId, approvalId }),
    });
  }

  /** Gives the task what the person said; a form that was closed without an answer leaves it waiting. */
  async settle({ approvalId }: Asked, { mcpReq }: ServerContext): Promise<void> {
    const given = inputResponse(mcpReq.inputResponses, FORM);
    if (given.kind !== "elicit" || given.action === "cancel") return;
    const read = answerForm.safeParse(given.content ?? { decision: "reject" });
    if (!read.success) return;
    const { decision, note } = read.data;
    const by = { by: "the user of an MCP client", ...(note === undefined ? {} : { note }) };
    try {
      if (given.action === "accept" && decision === "approve") await this.#mesh.approve(approvalId, by);
      else await this.#mesh.reject(approvalId, by);
    } catch (thrown) {
      // Somebody else was faster; the task goes on with what they said.
      if (!(thrown instanceof ApprovalError)) throw thrown;
    }
  }
}

/** What this request carries of an earlier question; undefined for a first one. */
export function askedBefore({ mcpReq }: ServerContext): Asked | undefined {
  return mcpReq.requestState<Asked>();
}

/** What clients of the newest protocol say of themselves with each request. */
interface Envelope {
  readonly [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities;
}

/** Whether the client shows forms to its user. */
export function canAsk({ server }: McpServer, { mcpReq }: ServerContext): boolean {
  const { [CLIENT_CAPABILITIES_META_KEY]: told } = (mcpReq.envelope ?? {}) as Envelope;
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- of clients before that protocol, nothing else tells.
  const { elicitation } = told ?? server.getClientCapabilities() ?? {};
  return (
    elicitation !== undefined && (elicitation.form !== undefined || Object.keys(elicitation).length === 0)
  );
}
