// A workflow as a tree in text: what each step is doing, how long it took and what it cost.
// Invariant: it only listens and writes lines; where and when they are shown is workflow-progress.ts's.
import pc from "picocolors";
import type { MeshEvent } from "../../actors/mesh-event.ts";
import type { TokenUsage } from "../core/model.ts";
import type { WorkflowEvent } from "../core/workflow-event.ts";
import type { StepStatus } from "../core/workflow-result.ts";
import { printable } from "./output.ts";
import { STATE_WORDS } from "./progress.ts";

interface StepView {
  readonly id: string;
  readonly agent: string;
  readonly dependsOn: readonly string[];
  state: StepStatus | "waiting" | "running";
  /** Milliseconds of the view's clock. */
  startedAt: number;
  /** What follows its name. */
  told: string;
  error: string | null;
  /** Its tasks at work, by id: the item and what it is doing. */
  readonly tasks: Map<string, { readonly index: number | null; doing: string }>;
}

const SHOWN_TASKS = 4;

/** What is known of a workflow, from its events. */
export class WorkflowView {
  readonly #steps = new Map<string, StepView>();
  readonly #now: () => number;
  readonly #startedAt: number;
  #id = "";
  #end = "";

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAt = now();
  }

  /** Takes an event in; gives whether it changed what is seen. */
  take(event: MeshEvent): boolean {
    if ("workflowId" in event) return this.#takeStep(event);
    if (event.type !== "state") return false;
    for (const { tasks } of this.#steps.values()) {
      const task = tasks.get(event.taskId);
      const doing = STATE_WORDS[event.state];
      if (task === undefined || doing === undefined) continue;
      task.doing = doing;
      return true;
    }
    return false;
  }

  /** The tree, a line for each step and its tasks. */
  lines(colour: boolean): readonly string[] {
    const paint = pc.createColors(colour);
    const steps = [...this.#steps.values()];
    const width = Math.max(0, ...steps.map(({ id }) => id.length));
    const end = this.#end === "" ? seconds(this.#now() - this.#startedAt) : this.#end;
    const lines = [`${paint.bold(this.#id)}  ${paint.dim(end)}`];
    for (const [at, step] of steps.entries()) {
      const last = at === steps.length - 1;
      lines.push(`${paint.dim(last ? "└─" : "├─")} ${this.#line(step, width, colour)}`);
      const trunk = paint.dim(last ? "   " : "│  ");
      const error = step.error === null ? [] : [paint.red(step.error)];
      const leaves = [...error, ...tasksOf(step).map((text) => paint.dim(text))];
      for (const leaf of leaves) lines.push(`${trunk}   ${leaf}`);
    }
    return lines;
  }

  #takeStep(event: WorkflowEvent): boolean {
    if (event.type === "workflow-started") {
      this.#id = event.workflowId;
      for (const { id, agent, dependsOn } of event.steps) {
        const tasks: StepView["tasks"] = new Map();
        this.#steps.set(id, {
          id,
          agent,
          dependsOn,
          state: "waiting",
          startedAt: 0,
          told: "",
          error: null,
          tasks,
        });
      }
      return true;
    }
    if (event.type === "workflow-finished") {
      this.#end = [seconds(event.executionTime * 1000), ...costOf(event)].join(" · ");
      return true;
    }
    const step = this.#steps.get(event.step);
    if (step === undefined) return false;
    switch (event.type) {
      case "step-started":
        step.state = "running";
        step.startedAt = this.#now();
        if (event.items !== null) step.told = `0 of ${event.items}`;
        break;
      case "step-task":
        step.tasks.set(event.taskId, { index: event.index, doing: "" });
        break;
      case "step-progress":
        if (step.told !== "") step.told = progressOf(event);
        for (const [id, { index }] of step.tasks) {
          if (index === event.index) step.tasks.delete(id);
        }
        break;
      case "step-retry":
        for (const [id, { index }] of step.tasks) if (index === event.index) step.tasks.delete(id);
        break;
      case "step-skipped":
        step.state = "skipped";
        break;
      case "step-finished": {
        step.state = event.status;
        step.error = event.error === null ? null : firstLine(event.error.message);
        const items = step.told === "" ? [] : [step.told];
        const source = event.recorded ? ["from the record"] : [];
        step.told = [seconds(event.executionTime * 1000), ...items, ...costOf(event), ...source].join(" · ");
        step.tasks.clear();
        break;
      }
    }
    return true;
  }

  #line(step: StepView, width: number, colour: boolean): string {
    const paint = pc.createColors(colour);
    const [sign, tint] = {
      waiting: ["○", paint.dim],
      running: ["●", paint.cyan],
      success: ["✓", paint.green],
      failure: ["✗", paint.red],
      cancelled: ["⊘", paint.yellow],
      skipped: ["–", paint.dim],
    }[step.state] as [string, (text: string) => string];
    const open = step.dependsOn.filter((id) =>
      ["waiting", "running"].includes(this.#steps.get(id)?.state ?? ""),
    );
    const told = {
      waiting: open.length === 0 ? "waits" : `waits for ${open.join(", ")}`,
      running: [seconds(this.#now() - step.startedAt), ...(step.told === "" ? [] : [step.told])].join(" · "),
      skipped: "skipped",
      success: step.told,
      failure: step.told,
      cancelled: step.told,
    }[step.state];
    return `${tint(sign)} ${step.id.padEnd(width)}  ${paint.dim(step.agent)}  ${told}`;
  }
}

/** A step's tasks at work, each with what it is doing. */
function tasksOf({ tasks }: StepView): readonly string[] {
  const all = [...tasks.values()];
  const shown = all.slice(0, SHOWN_TASKS).flatMap(({ index, doing }) => {
    const item = index === null ? [] : [`item ${index}`];
    const text = [...item, ...(doing === "" ? [] : [doing])].join(": ");
    return text === "" ? [] : [text];
  });
  return all.length > SHOWN_TASKS ? [...shown, `and ${all.length - SHOWN_TASKS} more`] : shown;
}

/** How far a list is: `3 of 10, 1 failed`. */
export function progressOf({
  done,
  failed,
  total,
}: {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
}): string {
  return `${done} of ${total}${failed === 0 ? "" : `, ${failed} failed`}`;
}

/** Tokens and cost, where a model was asked. */
export function costOf({
  tokens,
  costUsd,
}: {
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
}): readonly string[] {
  const sum = tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite;
  if (sum === 0) return [];
  return [`${sum.toLocaleString("en")} tokens`, costUsd === null ? "cost unknown" : `$${costUsd.toFixed(4)}`];
}

/** Milliseconds as `1.2 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** A message's first line, safe to show. */
export function firstLine(text: string): string {
  return printable(text.split("\n", 1)[0] ?? "");
}
