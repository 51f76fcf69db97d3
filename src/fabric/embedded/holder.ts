// Who has messages in hand: a process, told apart from all others that use the same data folder, so that what a
// killed one held can be given out again at once.
// Invariant: a process is called ended only where the system says so; where it cannot say (another machine, another
// container), it counts as alive, and the time limit of its messages decides.
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, as far as the system tells; what it does not tell is null. */
export interface Holder {
  readonly host: string;
  /** The kernel's run, from its start to its end. */
  readonly boot: string | null;
  /** The space in which `pid` has its meaning. */
  readonly namespace: string | null;
  readonly pid: number;
  /** When it started, in a unit of the system's: tells it from a later one of the same `pid`. */
  readonly start: string | null;
}

/** The process that this code runs in. */
export function thisProcess(): Holder {
  return {
    host: hostname(),
    boot: ifTold(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: ifTold(() => readlinkSync("/proc/self/ns/pid")),
    pid: process.pid,
    start: stateOf(process.pid)?.start ?? null,
  };
}

/** Whether a process surely runs no more, as seen from `here`. */
export function hasEnded(holder: Holder, here: Holder): boolean {
  if (holder.boot !== here.boot) {
    // The same host, started anew. A container may have a boot id of its own, but then a name of its own, too.
    return holder.boot !== null && here.boot !== null && holder.host === here.host;
  }
  if (here.boot === null && holder.host !== here.host) return false;
  if (holder.namespace !== here.namespace) return false;
  if (isAbsent(holder.pid)) return true;
  const state = stateOf(holder.pid);
  if (state === null || holder.start === null) return false;
  return state.ended || state.start !== holder.start;
}

function isAbsent(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // Else it is another user's, or may not be asked about.
  }
}

/** What Linux tells about a process: one that was killed may stay listed until its parent asks for it. */
function stateOf(pid: number): { readonly start: string; readonly ended: boolean } | null {
  return ifTold(() => {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    return state === undefined || start === undefined ? null : { start, ended: /[ZXx]/.test(state) };
  });
}

function ifTold<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}
