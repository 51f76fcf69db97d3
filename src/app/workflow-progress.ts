// A workflow's progress on standard error: on a terminal a tree that is drawn anew in its place, else a line for each
// thing that happens.
// Invariant: it writes nothing to standard output, and leaves nothing behind on a terminal.
import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";
import type { MeshEvent } from "../../actors/mesh-event.ts";
import type { WorkflowEvent } from "../core/workflow-event.ts";
import { outliveReader } from "./output.ts";
import { costOf, firstLine, progressOf, seconds, type WorkflowView } from "./workflow-view.ts";

const REDRAW_MS = 100;

/** Shows how a workflow goes on. */
export class WorkflowProgress {
  readonly #view: WorkflowView;
  readonly #stream: NodeJS.WriteStream;
  readonly #timer: ReturnType<typeof setInterval> | null;
  #drawn = 0;

  constructor(view: WorkflowView, stream: NodeJS.WriteStream = process.stderr) {
    this.#view = view;
    this.#stream = stream;
    outliveReader(stream);
    this.#timer = stream.isTTY ? setInterval(() => this.#draw(), REDRAW_MS) : null;
    this.#timer?.unref();
  }

  /** Shows an event that the view has taken in. */
  show(event: MeshEvent): void {
    if (this.#stream.isTTY || !("workflowId" in event)) return;
    const line = describe(event);
    if (line !== null) this.#stream.write(`${line}\n`);
  }

  /** Takes the tree off the terminal. */
  end(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#erase();
  }

  #draw(): void {
    // A terminal that does not know its size says 0.
    const columns = this.#stream.columns || 80;
    const rows = this.#stream.rows || 24;
    const all = this.#view.lines(pc.isColorSupported);
    // What would scroll away could not be drawn over.
    const room = rows - 2;
    const lines =
      all.length <= room ? all : [...all.slice(0, room), `   and ${all.length - room} lines more`];
    this.#erase();
    this.#stream.write(lines.map((line) => `${cut(line, columns - 1)}\n`).join(""));
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn === 0) return;
    cursorTo(this.#stream, 0);
    moveCursor(this.#stream, 0, -this.#drawn);
    clearScreenDown(this.#stream);
    this.#drawn = 0;
  }
}

/** A line that is too long loses its colours with its end. */
function cut(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : `${plain.slice(0, columns - 1)}…`;
}

/** An event in a line; null for what is too small for one. */
function describe(event: WorkflowEvent): string | null {
  switch (event.type) {
    case "workflow-started":
      return `${event.workflowId}: ${event.resumed ? "goes on from its record" : "begins"} (${event.steps.length} steps)`;
    case "step-started":
      return `${event.step}: begins${event.items === null ? "" : ` (${event.items} items)`}`;
    case "step-task":
      return null;
    case "step-progress":
      return event.total > 1 ? `${event.step}: ${progressOf(event)}` : null;
    case "step-retry": {
      const item = event.index === null ? "" : `[${event.index}]`;
      return `${event.step}${item}: ${firstLine(event.error.message)}; try ${event.attempt} in ${seconds(event.delayMs)}`;
    }
    case "step-skipped":
      return `${event.step}: skipped`;
    case "step-finished": {
      const source = event.recorded ? ["from the record"] : [];
      const told = [seconds(event.executionTime * 1000), ...costOf(event), ...source].join(", ");
      const error = event.error === null ? "" : `: ${firstLine(event.error.message)}`;
      return `${event.step}: ${event.status} (${told})${error}`;
    }
    case "workflow-finished":
      return null;
  }
}
