// What a mesh's process is called in journals, and whether the process behind such a name still runs.
// Invariant: a process is called gone only where this machine can tell; any other counts as running.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";

const NAME = /^(.*)-(\d+)-[0-9a-f]{8}$/;

/** A name for a mesh of this process: `<host>-<pid>-<chance>`. */
export function nodeName(): string {
  return `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Whether the process of that name surely runs no more. */
export function isGone(name: string): boolean {
  const [, host, pid] = NAME.exec(name) ?? [];
  if (host !== hostname() || pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (thrown) {
    // Else it is another user's, and may not be asked about.
    return (thrown as NodeJS.ErrnoException).code === "ESRCH";
  }
}
