// Timers on the guest's clock: they fire when the host says that their time has come, one at a time.
// Invariant: timers due at the same time fire in the order in which they were set.
import { TELL } from "./door.ts";
import { define, invoke, now, numberOf, textOf, trunc, TypeErrorOf } from "./intrinsics.ts";
import type { Tell } from "./tools.ts";

interface Timer {
  readonly id: number;
  readonly due: number;
  readonly every: number | null;
  readonly act: (...args: unknown[]) => unknown;
  readonly args: unknown[];
  next: Timer | null;
}

const MAX_DELAY = 2 ** 31 - 1;

/** Puts setTimeout and its kin on the global object; gives what fires the timer that is due. */
export function makeTimers(tell: Tell, global: object): () => void {
  let first: Timer | null = null;
  let last: Timer | null = null;
  let ids = 0;

  const announce = (): void => {
    tell(TELL.timer, 0, first === null ? "" : textOf(first.due));
  };

  const insert = (timer: Timer): void => {
    const head = first;
    const tail = last;
    if (head === null || tail === null || timer.due < head.due) {
      timer.next = head;
      first = timer;
      last ??= timer;
      announce();
      return;
    }
    let before = tail.due <= timer.due ? tail : head;
    while (before.next !== null && before.next.due <= timer.due) before = before.next;
    timer.next = before.next;
    before.next = timer;
    if (timer.next === null) last = timer;
  };

  const remove = (timer: Timer, before: Timer | null): void => {
    if (timer.next === null) last = before;
    if (before !== null) {
      before.next = timer.next;
      return;
    }
    first = timer.next;
    announce();
  };

  const set = (act: unknown, delay: unknown, args: unknown[], repeat: boolean): number => {
    if (typeof act !== "function") throw new TypeErrorOf("a timer needs a function");
    const asked = trunc(numberOf(delay));
    // At least 1, as in Node: what sets a timer again and again must let guest time go on.
    const wait = asked > 0 && asked <= MAX_DELAY ? asked : 1;
    ids += 1;
    const every = repeat ? wait : null;
    insert({ __proto__: null, id: ids, due: now() + wait, every, act, args, next: null } as unknown as Timer);
    return ids;
  };

  const clear = (id: unknown): undefined => {
    let before: Timer | null = null;
    for (let timer = first; timer !== null; timer = timer.next) {
      if (timer.id === id) {
        remove(timer, before);
        return;
      }
      before = timer;
    }
  };

  define(global, "setTimeout", (act: unknown, delay: unknown, ...args: unknown[]) =>
    set(act, delay, args, false),
  );
  define(global, "setInterval", (act: unknown, delay: unknown, ...args: unknown[]) =>
    set(act, delay, args, true),
  );
  define(global, "clearTimeout", clear);
  define(global, "clearInterval", clear);

  return () => {
    const timer = first;
    if (timer === null) return;
    remove(timer, null);
    if (timer.every !== null) {
      insert({ __proto__: null, ...timer, due: timer.due + timer.every, next: null } as unknown as Timer);
    }
    invoke(timer.act, undefined, timer.args);
  };
}
