// Where clients of any language come in: each agent is a service that does tasks, asked by its role or a capability.
// Invariant: each request that somebody waits for is answered once, by a result or by an error that says why there is
// none; nothing that a client sends is more than its own error.
import type { AgentDefinition } from "../src/core/agent.ts";
import type { Clock } from "../src/core/clock.ts";
import { ValueError } from "../src/core/errors.ts";
import type { Log } from "../src/core/log.ts";
import type { Queue } from "../src/core/ports.ts";
import { failureOf } from "../src/core/request-failure.ts";
import { HEADER, readRequestHeaders, requireOneId } from "../src/core/request-headers.ts";
import type { Subjects } from "../src/core/subjects.ts";
import { readTaskRequest } from "../src/core/task-request.ts";
import type { TaskResult, TaskStatus } from "../src/core/task.ts";
import type { Wire, WireEndpoint, WireRequest, WireService } from "../src/core/wire.ts";
import { EventFeed } from "../src/event-feed.ts";
import { resultBlob, resultText } from "../src/result-text.ts";
import { runForClient, type ClientTask } from "./client-task.ts";
import { requireTime } from "./deadline.ts";
import type { Population } from "./population.ts";
import { Services } from "./services.ts";
import type { TaskDesk } from "./task-desk.ts";

/** The form of requests, answers and events; one of a later form may say more, and says no less. */
const WIRE_VERSION = 1;
/** Members of one group share the requests of a subject. */
const GROUP = "fettle";
/** How long statistics wait for the queue's size, in milliseconds. */
const SIZE_MS = 1_000;

/** What a {@link FrontDesk} is made with. */
export interface FrontDeskParts {
  readonly wire: Wire;
  readonly desk: TaskDesk;
  readonly population: Population;
  readonly subjects: Subjects;
  readonly queue: Queue;
  readonly mesh: string;
  readonly node: string;
  /** The program's version: a semantic one. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What came of the requests of one role. */
type Tally = Record<TaskStatus | "refused" | "underWay", number>;

/** Serves the agents of one node. */
export class FrontDesk {
  readonly #parts: FrontDeskParts;
  readonly #services = new Services();

  constructor(parts: FrontDeskParts) {
    this.#parts = parts;
  }

  /** Opens an agent's service, unless it is open. @throws DeliveryError */
  async serve(agent: AgentDefinition): Promise<void> {
    await this.#services.open(agent.role, () => this.#open(agent));
  }

  /** Takes no more requests: other nodes get them. */
  async close(): Promise<void> {
    await this.#services.close();
  }

  /** Resolves once all requests are answered; to be called once the tasks have ended or were left. */
  async settled(): Promise<void> {
    await this.#services.settled();
  }

  #open(agent: AgentDefinition): Promise<WireService> {
    const { wire, subjects, mesh, node, version } = this.#parts;
    const { role, capabilities } = agent;
    const tally: Tally = { success: 0, failure: 0, cancelled: 0, refused: 0, underWay: 0 };
    const endpoint = (name: string, subject: string, capability?: string): WireEndpoint => ({
      name,
      subject,
      queue: GROUP,
      metadata: { role, ...(capability === undefined ? {} : { capability }) },
      handler: (request) => this.#services.handle(() => this.#answer(role, request, tally)),
      data: () => this.#stateOf(role, tally),
    });
    return wire.service({
      name: `fettle-${mesh}-${role}`,
      version,
      description: `Does tasks as "${role}" in the Fettle mesh "${mesh}"`,
      metadata: {
        mesh,
        role,
        capabilities: capabilities.join(","),
        node,
        version,
        wire: String(WIRE_VERSION),
      },
      endpoints: [
        endpoint("task", subjects.task(role)),
        ...capabilities.map((name) => endpoint(`capability-${name}`, subjects.capability(name), name)),
      ],
    });
  }

  async #answer(role: string, request: WireRequest, tally: Tally): Promise<void> {
    const { log } = this.#parts;
    let asked: ClientTask | undefined;
    tally.underWay += 1;
    try {
      asked = this.#read(role, request);
      const { terms, task } = asked;
      log.info(
        { taskId: task.id, role, subject: request.subject, trace: terms.trace },
        "a client asks for a task",
      );
      const result = await this.#run(asked, request);
      tally[result.status] += 1;
      this.#giveResult(result, asked, request);
    } catch (thrown) {
      tally.refused += 1;
      const taskId = asked?.task.id;
      const failure = failureOf(thrown, { taskId });
      const { code, description: reason } = failure;
      if (code === 500)
        log.error({ err: thrown, taskId, role }, "a client's task failed for a reason of ours");
      else log.info({ taskId, role, code, reason }, "a client's task was not done");
      request.fail({ ...failure, headers: headersOf({ [HEADER.taskId]: taskId }) });
    } finally {
      tally.underWay -= 1;
    }
  }

  /** @throws TaskError where the request is wrong, DeliveryError where it comes too late. */
  #read(role: string, request: WireRequest): ClientTask {
    this.#services.requireOpen();
    const now = this.#parts.clock.now();
    const terms = readRequestHeaders(request.headers, now);
    const task = readTaskRequest(request.payload);
    const id = requireOneId(task.id, terms);
    requireTime(terms.deadline, now);
    return { role, task: { ...task, id: id ?? crypto.randomUUID() }, isNew: id === undefined, terms };
  }

  async #run(asked: ClientTask, request: WireRequest): Promise<TaskResult> {
    const { clock, node } = this.#parts;
    const { streams, trace } = asked.terms;
    const feed = streams
      ? new EventFeed({
          node,
          clock,
          trace,
          send: (event, text) =>
            request.reply(text, { [HEADER.event]: event.type, [HEADER.taskId]: asked.task.id }),
        })
      : null;
    try {
      return await runForClient(asked, this.#parts, feed === null ? undefined : (event) => feed.tell(event));
    } finally {
      feed?.close();
    }
  }

  #giveResult(result: TaskResult, { terms }: ClientTask, request: WireRequest): void {
    const { taskId, resultId, status } = result;
    const text = resultText(result);
    const bytes = Buffer.byteLength(text);
    const headers = headersOf({
      [HEADER.status]: status,
      [HEADER.taskId]: taskId,
      [HEADER.resultId]: resultId,
      [HEADER.trace]: terms.trace,
    });
    if (bytes <= this.#parts.wire.maxPayload) {
      request.reply(text, headers);
      return;
    }
    const blob = resultBlob(result);
    const error = new ValueError(
      "VALUE_TOO_LARGE",
      `The task ended with status "${status}", and its result has ${bytes} bytes: more than the server takes in one ` +
        `message. It is stored as the blob "${blob}".`,
      "$",
    );
    request.fail({ ...failureOf(error, { taskId, status, blob }), headers });
  }

  async #stateOf(role: string, tally: Tally): Promise<unknown> {
    const { population, queue, subjects } = this.#parts;
    const actors = [...population.actorsOf(role)];
    const running = actors.reduce((sum, actor) => sum + actor.burden, 0);
    return {
      tasks: { ...tally },
      load: { actors: actors.length, running, places: population.placesOf(role) },
      queue: await within(SIZE_MS, queue.size(subjects.tasks(role))),
    };
  }
}

/** Headers without those that there are none of. */
function headersOf(given: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const entries = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

/** What work gives within a time; null where it takes longer or fails. */
async function within<T>(timeMs: number, work: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), timeMs)));
  try {
    return await Promise.race([work.catch(() => null), over]);
  } finally {
    clearTimeout(timer);
  }
}
