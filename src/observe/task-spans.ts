// A task as spans, made from its journal: the agent's own, and below it one for each model call, run, tool call, repair
// and approval. Times are those of the entries.
// Invariant: each span is ended, at the latest when this process has the task no longer; what is taken from the record
// is marked as replayed, has no length and says nothing of tokens.
import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";
import type { JournalEntry, JournalEntryOf } from "../core/journal.ts";
import type { EffectKey, Hearing, TaskStart, TaskTelemetry } from "../core/telemetry.ts";
import { answerAttributes, ATTRIBUTE, messagesText, requestAttributes, timeOf } from "./genai.ts";
import type { SpanMaker } from "./span-maker.ts";
import { contextOf, writeTraceparent } from "./traceparent.ts";

interface Open {
  readonly span: Span;
  readonly context: Context;
}

/** Why something failed, in one word. */
interface Failure {
  readonly name: string;
  readonly category?: string | undefined;
}

/** Makes the spans of one task. */
export class TaskSpans implements TaskTelemetry {
  readonly #maker: SpanMaker;
  readonly #start: TaskStart;
  /** The spans under way, by what they are of; the agent's own is not among them. */
  readonly #open = new Map<string, Open>();
  /** Tools by their calls, and attempts by their runs. */
  readonly #tools = new Map<string, string>();
  readonly #attempts = new Map<string, number>();
  #owner: string | null = null;
  #root: Open | null = null;
  #repair: Open | null = null;
  #isOver = false;

  constructor(start: TaskStart, maker: SpanMaker) {
    this.#start = start;
    this.#maker = maker;
    for (const entry of start.before) this.#learn(entry);
  }

  get trace(): string | undefined {
    return this.#root === null ? this.#start.trace : writeTraceparent(this.#root.span.spanContext());
  }

  heard(entry: JournalEntry, how: Hearing): void {
    if (this.#isOver) return;
    if (how === "replayed") this.#replay(entry);
    else if (how === "noted") this.#begin(entry);
    else {
      this.#begin(entry);
      this.#learn(entry);
      this.#conclude(entry);
    }
  }

  within<T>(effect: EffectKey, work: () => T): T {
    if (this.#isOver) return work();
    const { span } = this.#spanOf(effect);
    if (effect.type === "model") this.#describe(span, effect);
    return context.with(trace.setSpan(context.active(), span), work);
  }

  end(): void {
    this.#finish(Date.now(), { [ATTRIBUTE.interrupted]: true });
  }

  /** What later entries are to be understood by. */
  #learn(entry: JournalEntry): void {
    if (entry.type === "claimed") this.#owner = entry.node;
    else if (entry.type === "left") this.#owner = null;
    else if (entry.type === "tool-called") this.#tools.set(callIdOf(entry), entry.tool);
    else if (entry.type === "run-started") this.#attempts.set(entry.runId, entry.attempt);
  }

  /** What begins with an entry; what has begun already, as when it was noted, goes on. */
  #begin(entry: JournalEntry): void {
    switch (entry.type) {
      case "claimed":
        this.#begun(entry);
        break;
      case "model-asked":
        this.#close(`model ${entry.callId}`, entry.at, { [ATTRIBUTE.interrupted]: true });
        if (entry.repair > 0) this.#beginRepair(entry);
        this.#add(`model ${entry.callId}`, this.#chat(), entry.at);
        break;
      case "run-started":
        this.#add(`run ${entry.attempt}`, this.#run(entry.attempt), entry.at);
        break;
      case "tool-called":
        this.#add(`tool ${callIdOf(entry)}`, this.#tool(entry), entry.at);
        break;
      case "approval-asked":
        // A run whose calls wait is put away, and repeated later.
        this.#closeAll(/^(?:run|tool) /, entry.at, { [ATTRIBUTE.status]: "suspended" });
        this.#add(
          `approval ${entry.approvalId}`,
          {
            name: "fettle.approval",
            attributes: { [ATTRIBUTE.subject]: entry.subject.type },
            parent: this.#above(),
          },
          entry.at,
        );
        break;
      default:
    }
  }

  /** What ends with an entry that is durable. */
  #conclude(entry: JournalEntry): void {
    switch (entry.type) {
      case "model-answered":
        this.#answered(entry, `model ${entry.callId}`, true);
        break;
      case "model-failed":
        this.#close(`model ${entry.callId}`, entry.at, {}, entry.error);
        break;
      case "run-finished": {
        const { trial, attempt, at } = entry;
        this.#close(`run ${attempt}`, at, usageOf(entry), trial.ok ? null : trial.error);
        this.#endRepair(at, trial.ok ? null : trial.error);
        break;
      }
      case "tool-returned":
        this.#returned(entry);
        break;
      case "approval-answered":
        this.#close(`approval ${entry.approvalId}`, entry.at, { [ATTRIBUTE.decision]: entry.decision });
        break;
      case "left":
        this.#finish(entry.at, { [ATTRIBUTE.left]: true });
        break;
      case "finished":
        this.#ended(entry);
        break;
      default:
    }
  }

  /** A span without length for what is not done again. */
  #replay(entry: JournalEntry): void {
    const now = Date.now();
    const key = `replayed ${entry.type}`;
    const replayed = { [ATTRIBUTE.replayed]: true };
    if (entry.type === "model-answered") {
      this.#add(key, this.#chat(replayed), now);
      this.#answered({ ...entry, at: now }, key, false);
    } else if (entry.type === "run-finished") {
      this.#add(key, this.#run(entry.attempt, replayed), now);
      this.#close(key, now, usageOf(entry), entry.trial.ok ? null : entry.trial.error);
    } else if (entry.type === "tool-returned") {
      const tool = this.#tools.get(callIdOf(entry));
      this.#add(key, this.#tool({ ...entry, tool: tool ?? "unknown" }, replayed), now);
      this.#close(key, now, {}, entry.ok ? null : toolFailure(entry.text));
    } else if (entry.type === "handler-finished") this.#above().span.setAttributes(replayed);
  }

  /** The span of an effect, begun now where the journal has not told of it yet. */
  #spanOf(effect: EffectKey): Open {
    if (effect.type === "handler") return this.#above();
    if (effect.type === "run") {
      const repeated = [...this.#attempts.values()].includes(effect.attempt)
        ? { [ATTRIBUTE.repeated]: true }
        : {};
      return this.#add(`run ${effect.attempt}`, this.#run(effect.attempt, repeated), Date.now());
    }
    const { type, callId } = effect;
    const tool = this.#tools.get(callId);
    // A call that another process made and did not live to see returned is made again.
    if (type === "tool" && tool !== undefined) {
      return this.#add(`tool ${callId}`, this.#tool({ ...placeOf(callId), tool }), Date.now());
    }
    return this.#open.get(`${type} ${callId}`) ?? this.#above();
  }

  /** The agent's own span. */
  #above(at = Date.now()): Open {
    if (this.#root !== null) return this.#root;
    const { role, taskId, workflowId, step, trace: parent } = this.#start;
    const attributes = {
      [ATTRIBUTE.operation]: "invoke_agent",
      [ATTRIBUTE.agent]: role,
      [ATTRIBUTE.conversation]: taskId,
      ...(workflowId === null ? {} : { [ATTRIBUTE.workflowId]: workflowId }),
      ...(step === null ? {} : { [ATTRIBUTE.step]: step }),
    };
    const begun = {
      name: `invoke_agent ${role}`,
      kind: SpanKind.INTERNAL,
      attributes,
      parent: contextOf(parent),
    };
    return (this.#root = this.#maker.begin(begun, timeOf(at)));
  }

  #begun({ at, node }: JournalEntryOf<"claimed">): void {
    const { span } = this.#above(at);
    span.setAttribute(ATTRIBUTE.node, node);
    if (this.#owner !== null && this.#owner !== node) span.setAttribute(ATTRIBUTE.takeover, true);
  }

  #beginRepair({ at, repair }: JournalEntryOf<"model-asked">): void {
    this.#endRepair(at, null);
    const begun = {
      name: "fettle.repair",
      attributes: { [ATTRIBUTE.repair]: repair },
      parent: this.#above().context,
    };
    this.#repair = this.#maker.begin(begun, timeOf(at));
  }

  #endRepair(at: number, error: Failure | null): void {
    if (this.#repair === null) return;
    endSpan(this.#repair.span, at, {}, error);
    this.#repair = null;
  }

  #chat(attributes: Attributes = {}) {
    const { agent, operation, conversation } = ATTRIBUTE;
    return {
      name: "chat",
      kind: SpanKind.CLIENT,
      attributes: {
        [operation]: "chat",
        [agent]: this.#start.role,
        [conversation]: this.#start.taskId,
        ...attributes,
      },
      parent: this.#repair ?? this.#above(),
    };
  }

  #run(attempt: number, attributes: Attributes = {}) {
    return {
      name: "fettle.sandbox.run",
      attributes: { [ATTRIBUTE.attempt]: attempt, ...attributes },
      parent: this.#repair ?? this.#above(),
    };
  }

  #tool(entry: Pick<JournalEntryOf<"tool-called">, "runId" | "call" | "tool">, attributes: Attributes = {}) {
    const run = this.#open.get(`run ${this.#attempts.get(entry.runId) ?? 0}`);
    return {
      name: `execute_tool ${entry.tool}`,
      attributes: {
        [ATTRIBUTE.operation]: "execute_tool",
        [ATTRIBUTE.tool]: entry.tool,
        [ATTRIBUTE.toolType]: "function",
        [ATTRIBUTE.toolCall]: callIdOf(entry),
        [ATTRIBUTE.agent]: this.#start.role,
        ...attributes,
        ...("input" in entry ? this.#maker.content({ [ATTRIBUTE.toolInput]: String(entry.input) }) : {}),
      },
      parent: run ?? this.#repair ?? this.#above(),
    };
  }

  #describe(span: Span, { request, model }: Extract<EffectKey, { type: "model" }>): void {
    const attributes = requestAttributes(request, model);
    span.updateName(`chat ${String(attributes[ATTRIBUTE.requestModel])}`);
    span.setAttributes(attributes);
    span.setAttributes(
      this.#maker.content({
        [ATTRIBUTE.system]: JSON.stringify([{ type: "text", content: request.system }]),
        [ATTRIBUTE.inputMessages]: messagesText(request.messages),
      }),
    );
  }

  #answered(entry: JournalEntryOf<"model-answered">, key: string, isPaid: boolean): void {
    const { answer, at } = entry;
    const open = this.#open.get(key);
    if (open === undefined) return;
    const attributes = answerAttributes(answer, isPaid);
    if (!isPaid) open.span.updateName(`chat ${answer.model}`);
    this.#root?.span.setAttribute(ATTRIBUTE.provider, String(attributes[ATTRIBUTE.provider]));
    const said = this.#maker.content({
      [ATTRIBUTE.outputMessages]: messagesText([{ role: "assistant", content: answer.text }]),
    });
    this.#close(key, at, { ...attributes, ...said });
  }

  #returned(entry: JournalEntryOf<"tool-returned">): void {
    const said = entry.ok ? this.#maker.content({ [ATTRIBUTE.toolOutput]: entry.text }) : {};
    this.#close(`tool ${callIdOf(entry)}`, entry.at, said, entry.ok ? null : toolFailure(entry.text));
  }

  #ended({ at, result }: JournalEntryOf<"finished">): void {
    const { status, error, repairs, tokens, costUsd } = result;
    const { input, output, cacheRead, cacheWrite } = tokens;
    this.#finish(
      at,
      {
        [ATTRIBUTE.status]: status,
        [ATTRIBUTE.repairs]: repairs,
        [ATTRIBUTE.inputTokens]: input + cacheRead + cacheWrite,
        [ATTRIBUTE.outputTokens]: output,
        ...(costUsd === null ? {} : { [ATTRIBUTE.costUsd]: costUsd }),
      },
      status === "success" ? null : (error ?? { name: status }),
    );
  }

  /** Ends all that is open, the agent's own span last. */
  #finish(at: number, attributes: Attributes, error: Failure | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const isWhole =
      attributes[ATTRIBUTE.interrupted] === undefined && attributes[ATTRIBUTE.left] === undefined;
    this.#closeAll(/./, at, isWhole ? {} : { [ATTRIBUTE.interrupted]: true });
    this.#endRepair(at, null);
    if (this.#root !== null) endSpan(this.#root.span, at, attributes, error);
  }

  /** Begins a span, unless there is one under way of the same. */
  #add(
    key: string,
    begun: {
      readonly name: string;
      readonly kind?: SpanKind;
      readonly attributes: Attributes;
      readonly parent: Open;
    },
    at: number,
  ): Open {
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const open = this.#maker.begin({ ...begun, parent: begun.parent.context }, timeOf(at));
    this.#open.set(key, open);
    return open;
  }

  #close(key: string, at: number, attributes: Attributes, error: Failure | null = null): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    endSpan(open.span, at, attributes, error);
  }

  /** Those within others first. */
  #closeAll(keys: RegExp, at: number, attributes: Attributes): void {
    for (const key of [...this.#open.keys()].reverse()) if (keys.test(key)) this.#close(key, at, attributes);
  }
}

/** Ends a span; of an error its kind is told, and not its text. */
export function endSpan(span: Span, at: number, attributes: Attributes, error: Failure | null = null): void {
  span.setAttributes(attributes);
  if (error !== null) {
    const { name, category } = error;
    span.setAttribute(ATTRIBUTE.error, name.slice(0, 100));
    if (category !== undefined) span.setAttribute(ATTRIBUTE.category, category);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(timeOf(at));
}

function usageOf({ trial }: JournalEntryOf<"run-finished">): Attributes {
  const { usage } = trial;
  if (usage === null) return {};
  const { cpuMs, memoryBytes, toolCalls } = usage;
  return { [ATTRIBUTE.cpuMs]: cpuMs, [ATTRIBUTE.memory]: memoryBytes, [ATTRIBUTE.toolCalls]: toolCalls };
}

/** A tool's failure as it is recorded: `[name, message, limit]`, as JSON. */
function toolFailure(text: string): Failure {
  try {
    const [name] = JSON.parse(text) as readonly unknown[];
    return { name: typeof name === "string" ? name : "Error" };
  } catch {
    return { name: "Error" };
  }
}

function placeOf(callId: string): { readonly runId: string; readonly call: number } {
  const at = callId.lastIndexOf(":");
  return { runId: callId.slice(0, at), call: Number(callId.slice(at + 1)) };
}

function callIdOf({ runId, call }: Pick<JournalEntryOf<"tool-called">, "runId" | "call">): string {
  return `${runId}:${call}`;
}
