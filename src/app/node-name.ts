// What a mesh's process is called in journals and leases, and whether the process behind such a name still runs.
// Invariant: a process is called gone only where this machine can tell; any other counts as running. So a name says
// which run of the kernel, which space of numbers and which start its number is of: another container on a host of the
// same name is not asked about, and who got the number later is not taken for it.
import { createHash, randomUUID } from "node:crypto";
import { hasEnded, thisProcess, type Holder } from "../fabric/embedded/holder.ts";

const NAME = /^(.*)-(\d+)-(\d+)-([0-9a-f]{4})([0-9a-f]{4})[0-9a-f]{4}$/;
/** Stands for what the system does not tell. */
const UNTOLD = "0000";

/** A name for a mesh of this process: `<host>-<pid>-<start>-<kernel's run, space of numbers, chance>`. */
export function nodeName(): string {
  const { host, pid, start, boot, namespace } = thisProcess();
  return `${host}-${pid}-${start ?? 0}-${short(boot)}${short(namespace)}${randomUUID().slice(0, 4)}`;
}

/** Whether the process of that name surely runs no more. */
export function isGone(name: string): boolean {
  const [, host, pid, start, boot, namespace] = NAME.exec(name) ?? [];
  if (host === undefined || boot === undefined || namespace === undefined) return false;
  const holder: Holder = {
    host,
    pid: Number(pid),
    start: start === undefined || start === "0" ? null : start,
    boot: told(boot),
    namespace: told(namespace),
  };
  const here = thisProcess();
  return hasEnded(holder, { ...here, boot: told(short(here.boot)), namespace: told(short(here.namespace)) });
}

function short(id: string | null): string {
  return id === null ? UNTOLD : createHash("sha256").update(id).digest("hex").slice(0, 4);
}

function told(id: string): string | null {
  return id === UNTOLD ? null : id;
}
