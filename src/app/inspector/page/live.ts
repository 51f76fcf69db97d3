// What the server tells as it happens: one stream, opened again whenever it breaks.
// Invariant: whoever may have missed something is told by a new `epoch`, at which pages read again what they show.
import type { Approval } from "../../../core/approval.ts";
import type { ApprovalPage, Charts, InspectorEvent, MeshOverview } from "../shapes.ts";
import { sentEvents } from "./event-stream.ts";
import { observable } from "./observable.ts";
import { isLocked, ownHeaders, read, refuse } from "./server.ts";

/** How the page stands to its server. */
export type Connection =
  | { readonly type: "connecting" }
  | { readonly type: "live" }
  /** Gone; the next try is at `retryAt`, in milliseconds since 1970. */
  | { readonly type: "away"; readonly retryAt: number };

/** What the stream is asked for besides what all pages show. */
export interface Watched {
  readonly task?: string;
  readonly workflow?: string;
}

export const connection = observable<Connection>({ type: "connecting" });
export const mesh = observable<MeshOverview | null>(null);
export const approvals = observable<readonly Approval[]>([]);
export const charts = observable<Charts | null>(null);
/** Counts how often what is shown must be read again. */
export const epoch = observable(0);

/** Without a sign of life for so long, the stream is given up. */
const SILENCE_MS = 25_000;
const RETRY = { firstMs: 500, mostMs: 15_000 };

const listeners = new Set<(event: InspectorEvent) => void>();
let watched: Watched = {};
let run = new AbortController();
let lastId: string | null = null;
let failures = 0;
let wakeUp = (): void => undefined;

/** Calls back at each event; gives what ends that. */
export function onEvent(listener: (event: InspectorEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the stream, and keeps it open. */
export function goLive(): void {
  void keepOpen(run);
  isLocked.watch((locked) => {
    if (!locked) tryNow();
  });
}

/** Asks the stream for more, or less: it is opened anew. */
export function watch(next: Watched): void {
  if (next.task === watched.task && next.workflow === watched.workflow) return;
  watched = next;
  lastId = null;
  run.abort();
  run = new AbortController();
  void keepOpen(run);
}

/** Does not wait for the next try. */
export function tryNow(): void {
  wakeUp();
}

/** Reads the approvals that are waited for. */
export async function readApprovals(): Promise<void> {
  approvals.set((await read<ApprovalPage>("approvals")).approvals);
}

async function keepOpen(own: AbortController): Promise<void> {
  let retryMs: number | null = null;
  while (!own.signal.aborted) {
    try {
      await readStream(own.signal, (given) => (retryMs = given));
    } catch {
      // Whatever ended it, the answer is the same: come back later.
    }
    if (own.signal.aborted) return;
    const delay = Math.min(RETRY.mostMs, Math.max(retryMs ?? 0, RETRY.firstMs * 2 ** Math.min(failures, 6)));
    failures += 1;
    connection.set({ type: "away", retryAt: Date.now() + delay });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      own.signal.addEventListener("abort", () => wakeUp(), { once: true });
    });
  }
}

async function readStream(signal: AbortSignal, onRetry: (ms: number) => void): Promise<void> {
  const ended = new AbortController();
  const giveUp = () => ended.abort();
  signal.addEventListener("abort", giveUp, { once: true });
  let timer = setTimeout(giveUp, SILENCE_MS);
  const onLife = () => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, SILENCE_MS);
  };
  try {
    const query = new URLSearchParams(Object.entries(watched));
    const address = `api/events${query.size === 0 ? "" : `?${query.toString()}`}`;
    const since: Record<string, string> = lastId === null ? {} : { "Last-Event-ID": lastId };
    const response = await fetch(address, {
      headers: { Accept: "text/event-stream", ...since, ...ownHeaders() },
      signal: ended.signal,
      cache: "no-store",
    });
    if (!response.ok || response.body === null) return await refuse(response);
    await arrive();
    for await (const { id, data, retryMs } of sentEvents(response.body, onLife)) {
      if (id !== null) lastId = id;
      if (retryMs !== null) onRetry(retryMs);
      if (data !== "" && !signal.aborted) take(JSON.parse(data) as InspectorEvent);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

/** The server is there, perhaps again. */
async function arrive(): Promise<void> {
  const wasAway = connection.value.type === "away";
  failures = 0;
  connection.set({ type: "live" });
  if (wasAway) epoch.set(epoch.value + 1);
  await Promise.all([
    readApprovals(),
    charts.value === null ? read<Charts>("charts").then((all) => charts.set(all)) : undefined,
    mesh.value === null ? read<MeshOverview>("mesh").then((all) => mesh.set(all)) : undefined,
  ]);
}

function take(event: InspectorEvent): void {
  if (event.type === "mesh") mesh.set(event.mesh);
  if (event.type === "reset") {
    void readApprovals();
    epoch.set(epoch.value + 1);
  }
  if (event.type === "approval") {
    const others = approvals.value.filter(({ approvalId }) => approvalId !== event.approvalId);
    approvals.set(event.approval?.status === "pending" ? [...others, event.approval] : others);
  }
  for (const listener of [...listeners]) listener(event);
}
