// Progress of tasks on standard error: one line that changes on a terminal, a line for each step when piped.
// Invariant: it writes nothing to standard output, leaves no half line behind, and no control character of a
// model's or a guest's text reaches the terminal.
import { clearLine, cursorTo } from "node:readline";
import pc from "picocolors";
import type { MeshEvent } from "../../actors/mesh-event.ts";
import type { TaskEvent } from "../core/task.ts";
import { outliveReader, printable } from "./output.ts";

/** What the states of a task are in plain words; what is left out needs none. */
export const STATE_WORDS: Readonly<Record<string, string>> = {
  queued: "waits for its turn",
  generating: "the model writes code",
  executing: "the code runs",
  repairing: "the model mends its code",
  handling: "works",
  settling: "stores the result",
};

/** Where and how progress is shown. */
export interface ProgressOptions {
  /** Standard error where absent. */
  readonly stream?: NodeJS.WriteStream;
  /** Shows nothing where the stream is no terminal. */
  readonly liveOnly?: boolean;
}

/** Shows what tasks are doing. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #live: boolean;
  readonly #mute: boolean;
  /** Characters of the answers that are being written, by task. */
  readonly #written = new Map<string, number>();

  constructor(options: ProgressOptions = {}) {
    this.#stream = options.stream ?? process.stderr;
    outliveReader(this.#stream);
    this.#live = this.#stream.isTTY;
    this.#mute = options.liveOnly === true && !this.#live;
  }

  /** Shows an event; to be given to `mesh.subscribe`. */
  readonly show = (event: MeshEvent): void => {
    if (this.#mute || !("role" in event)) return;
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
        this.#written.delete(event.taskId);
        return STATE_WORDS[event.state] ?? null;
      case "tool":
        return `tool ${event.tool} ${event.phase}`;
      case "console":
        return this.#live ? null : `console.${event.entry.level}: ${event.entry.text}`;
      case "text-void":
        this.#written.delete(event.taskId);
        return `the answer broke off and begins anew: ${event.reason}`;
      case "error":
        return `the code failed: ${event.error.name}: ${event.error.message.split("\n", 1)[0] ?? ""}`;
      case "text": {
        const written = (this.#written.get(event.taskId) ?? 0) + event.text.length;
        this.#written.set(event.taskId, written);
        return this.#live ? `the model writes code (${written} characters)` : null;
      }
      case "approval":
        return `waits to be allowed (fettle approvals): ${event.approvalId}`;
      case "code":
        return null;
    }
  }

  #line({ role }: TaskEvent, text: string): void {
    const line = printable(`${role}: ${text}`);
    if (!this.#live) {
      this.#stream.write(`${line}\n`);
      return;
    }
    this.end();
    const [first = ""] = line.split("\n", 1);
    this.#stream.write(pc.dim(first.slice(0, (this.#stream.columns || 80) - 1)));
  }
}
