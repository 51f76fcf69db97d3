// What happens in the network, as its nodes tell it: shown line by line, and kept to say who did what.
import { TOPICS } from "./library.ts";
import type { Told } from "./node.ts";

/** Follows the nodes. */
export class Story {
  /** The nodes that began a task, in order: the last is the one that did it. */
  readonly begunBy = new Map<string, string[]>();
  /** The nodes that really made a call, by the call's id. */
  readonly callsOf = new Map<string, string[]>();
  #startedAt = performance.now();

  /** Times count from now. */
  begin(): void {
    this.#startedAt = performance.now();
  }

  /** The tasks that a node began, and that no other took over. */
  tasksOf(node: string): readonly string[] {
    return [...this.begunBy].flatMap(([taskId, nodes]) => (nodes.at(-1) === node ? [taskId] : []));
  }

  tell(who: string, text: string): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    console.log(`${seconds.toFixed(1).padStart(6)} s  ${who.padEnd(12)} ${text}`);
  }

  /** Takes in, and shows, what a node tells. */
  take(told: Told, node: string): void {
    if (told.type === "call") {
      add(this.callsOf, told.callId, node);
      this.tell(node, `  ${told.tool} ${told.what}`);
    } else if (told.taskId !== undefined && told.msg === "a task is begun") {
      const before = this.begunBy.get(told.taskId)?.at(-1);
      add(this.begunBy, told.taskId, node);
      const what = titleOf(told.taskId);
      this.tell(node, before === undefined ? `begins ${what}` : `takes over ${what} from ${before}`);
    } else if (told.taskId !== undefined && told.msg === "a task has succeeded") {
      this.tell(node, `has done ${titleOf(told.taskId)}`);
    }
  }
}

/** A task of the workflow in words: its id ends in its step, and in the place of its item. */
export function titleOf(taskId: string): string {
  const [, index] = /-study-(\d+)$/.exec(taskId) ?? [];
  return index === undefined ? "the synthesis" : `the study of ${TOPICS[Number(index)] ?? index}`;
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
