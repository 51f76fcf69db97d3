// Progress of tasks on standard error: one line that changes on a terminal, a line for each step when piped.
// Invariant: it writes nothing to standard output, and leaves no half line behind.
import { clearLine, cursorTo } from "node:readline";
import pc from "picocolors";
import type { MeshEvent } from "../../actors/runtime.ts";
import type { TaskEvent } from "../core/task.ts";

const WORDS: Readonly<Record<string, string>> = {
  queued: "waits for its turn",
  generating: "the model writes code",
  executing: "the code runs",
  repairing: "the model mends its code",
  handling: "works",
  settling: "stores the result",
};

/** Shows what tasks are doing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: boolean;
  /** Characters of the answer that is being written. */
  #written = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    this.#live = stream.isTTY;
  }

  /** Shows an event; to be given to `mesh.subscribe`. */
  readonly show = (event: MeshEvent): void => {
    if (!("taskId" in event)) return;
    if (event.type === "text") {
      this.#written += event.text.length;
      if (this.#live) this.#line(event, `the model writes code (${this.#written} characters)`);
      return;
    }
    const text = this.#describe(event);
    if (text !== null) this.#line(event, text);
  };

  /** Clears the line that changes. */
  end(): void {
    if (!this.#live) return;
    cursorTo(this.#stream, 0);
    clearLine(this.#stream, 0);
  }

  #describe(event: TaskEvent): string | null {
    switch (event.type) {
      case "state":
        this.#written = 0;
        return WORDS[event.state] ?? null;
      case "tool":
        return `tool ${event.tool} ${event.phase}`;
      case "console":
        return this.#live ? null : `console.${event.entry.level}: ${event.entry.text}`;
      case "text-void":
        this.#written = 0;
        return `the answer broke off and begins anew: ${event.reason}`;
      case "error":
        return `the code failed: ${event.error.name}: ${event.error.message.split("\n", 1)[0] ?? ""}`;
      case "text":
      case "code":
        return null;
    }
  }

  #line({ role }: TaskEvent, text: string): void {
    const line = `${role}: ${text}`;
    if (!this.#live) {
      this.#stream.write(`${line}\n`);
      return;
    }
    this.end();
    this.#stream.write(pc.dim(line.slice(0, (this.#stream.columns || 80) - 1)));
  }
}
