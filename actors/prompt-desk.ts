// Where clients of the Synadia Agent Protocol come in: each agent is found, prompted, and known to be alive by it.
// Invariant: each prompt is answered by one stream, whose last message is empty; nothing that a client sends is more than
// its own error.
import type { AgentDefinition } from "../src/core/agent.ts";
import type { Clock } from "../src/core/clock.ts";
import { messageOf, TaskError } from "../src/core/errors.ts";
import type { Log } from "../src/core/log.ts";
import { promptFailureOf, taskFailureOf } from "../src/core/prompt-failure.ts";
import { readPrompt } from "../src/core/prompt-message.ts";
import {
  heartbeatText,
  PROTOCOL_QUEUE,
  PROTOCOL_SERVICE,
  promptEndpointMetadata,
  promptMetadata,
  promptSubjects,
} from "../src/core/prompt-protocol.ts";
import { HEADER, readRequestHeaders } from "../src/core/request-headers.ts";
import type { TaskResult } from "../src/core/task.ts";
import type { Wire, WireRequest, WireService } from "../src/core/wire.ts";
import type { Approvals } from "../src/approvals.ts";
import { toReadable } from "../src/readable.ts";
import { runForClient, type ClientTask } from "./client-task.ts";
import { requireTime } from "./deadline.ts";
import { PromptAnswer } from "./prompt-answer.ts";
import { PromptApprovals } from "./prompt-approval.ts";
import { Services } from "./services.ts";
import type { TaskDesk } from "./task-desk.ts";

/** How often an agent shows that it is alive, in milliseconds: after three times that it counts as gone. */
const HEARTBEAT_MS = 10_000;

/** What a {@link PromptDesk} is made with. */
export interface PromptDeskParts {
  readonly wire: Wire;
  readonly desk: TaskDesk;
  readonly approvals: Approvals;
  readonly mesh: string;
  readonly node: string;
  /** The program's version: a semantic one. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Serves the agents of one node. */
export class PromptDesk {
  readonly #parts: PromptDeskParts;
  readonly #services = new Services();

  constructor(parts: PromptDeskParts) {
    this.#parts = parts;
  }

  /** Registers an agent, unless it is. @throws DeliveryError */
  async serve(agent: AgentDefinition): Promise<void> {
    await this.#services.open(agent.role, () => this.#register(agent));
  }

  /** Takes no more prompts: other nodes get them. */
  async close(): Promise<void> {
    await this.#services.close();
  }

  /** Resolves once all prompts are answered; to be called once the tasks have ended or were left. */
  async settled(): Promise<void> {
    await this.#services.settled();
  }

  async #register(agent: AgentDefinition): Promise<WireService> {
    const { wire, mesh, node, version, clock } = this.#parts;
    const { role, capabilities } = agent;
    const subjects = promptSubjects(mesh, role);
    const beat = () =>
      heartbeatText(mesh, { instanceId: service.id, at: clock.now(), intervalMs: HEARTBEAT_MS });
    const service = await wire.service({
      name: PROTOCOL_SERVICE,
      version,
      description: `The agent "${role}" of the Fettle mesh "${mesh}"`,
      metadata: promptMetadata(mesh, { role, capabilities, node }),
      endpoints: [
        {
          name: "prompt",
          subject: subjects.prompt,
          queue: PROTOCOL_QUEUE,
          metadata: promptEndpointMetadata(wire.maxPayload),
          handler: (request) => this.#services.handle(() => this.#answer(role, request)),
          endsEmpty: true,
        },
        {
          name: "status",
          subject: subjects.status,
          queue: PROTOCOL_QUEUE,
          metadata: {},
          handler: async (request) => request.reply(beat()),
        },
      ],
    });
    void service.stopped.then(this.#beat(subjects.heartbeat, beat));
    return service;
  }

  /** Shows at once that an agent is alive, and then again and again; gives what ends that. */
  #beat(subject: string, text: () => string): () => void {
    const { wire, clock, log } = this.#parts;
    let timer: unknown;
    const beat = (): void => {
      try {
        wire.publish(subject, text());
      } catch (thrown) {
        log.debug({ subject, reason: messageOf(thrown) }, "a heartbeat could not be sent");
      }
      timer = clock.setTimeout(beat, HEARTBEAT_MS);
    };
    beat();
    return () => clock.clearTimeout(timer);
  }

  async #answer(role: string, request: WireRequest): Promise<void> {
    const { log } = this.#parts;
    let taskId: string | undefined;
    try {
      const asked = this.#read(role, request);
      taskId = asked.task.id;
      log.info(
        { taskId, role, subject: request.subject, trace: asked.terms.trace },
        "a client prompts an agent",
      );
      await this.#run(asked, request);
    } catch (thrown) {
      const failure = promptFailureOf(thrown, { task_id: taskId });
      const { code, description: reason } = failure;
      if (code === 500) log.error({ err: thrown, taskId, role }, "a prompt failed for a reason of ours");
      else log.info({ taskId, role, code, reason }, "a prompt was not taken");
      request.fail(failure);
    }
  }

  /** @throws TaskError where the prompt is wrong, MeshStateError or DeliveryError where it comes too late. */
  #read(role: string, request: WireRequest): ClientTask {
    this.#services.requireOpen();
    const { wire, clock } = this.#parts;
    if (Buffer.byteLength(request.payload) > wire.maxPayload) {
      throw new TaskError(`The prompt is larger than this agent takes: ${wire.maxPayload} bytes.`);
    }
    const now = clock.now();
    const terms = readRequestHeaders(request.headers, now);
    const { taskId } = terms;
    const task = { ...readPrompt(request.payload), id: taskId ?? crypto.randomUUID() };
    requireTime(terms.deadline, now);
    return { role, task, isNew: taskId === undefined, terms };
  }

  async #run(asked: ClientTask, request: WireRequest): Promise<void> {
    const { wire, approvals, node, clock, log } = this.#parts;
    const { task, isNew, terms } = asked;
    const { streams, trace } = terms;
    const { maxPayload } = wire;
    const answer = new PromptAnswer({ request, maxPayload, node, clock, log, streams, trace });
    const queries = new PromptApprovals({ wire, approvals, log, send: (chunk) => answer.send(chunk) });
    answer.acknowledge(task.id);
    try {
      const running = runForClient(asked, this.#parts, (event) => {
        answer.tell(event);
        if (event.type === "approval") queries.ask(event.approvalId);
      });
      if (!isNew) queries.askPending(task.id);
      const result = await running;
      if (result.status === "success") answer.respond(textOf(result), headersOf(result));
      else answer.fail({ ...taskFailureOf(result), headers: headersOf(result) });
    } finally {
      queries.close();
      answer.close();
    }
  }
}

/** What a task gave, as text: a text as it is, all else as JSON. */
function textOf({ output }: TaskResult): string {
  return typeof output === "string" ? output : JSON.stringify(toReadable(output));
}

function headersOf({ taskId, status, resultId }: TaskResult): Readonly<Record<string, string>> {
  return { [HEADER.taskId]: taskId, [HEADER.status]: status, [HEADER.resultId]: resultId };
}
