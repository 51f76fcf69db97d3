// An isolate as a Deno worker without any permission.
// Invariant: the worker is made with permissions "none" or not at all. Without the flag that this needs, Deno itself
// ends the process and names it (--unstable-worker-options, or "unstable": ["worker-options"] in deno.json).
// Known: Deno's terminate() does not end a thread that computes; the engine's own polls do.
import type { Launch } from "./link.ts";
import type { FromIsolate, ToIsolate } from "./protocol.ts";

interface DenoWorker {
  postMessage(message: ToIsolate): void;
  terminate(): void;
  onmessage: ((event: { readonly data: FromIsolate }) => void) | null;
  onmessageerror: (() => void) | null;
  onerror: ((event: { readonly message: string; preventDefault(): void }) => void) | null;
}

interface DenoWorkerOptions {
  readonly type: "module";
  readonly name: string;
  readonly deno: { readonly permissions: "none" };
}

/** Starts Deno workers that run the worker at `url`. */
export function denoThreads(url: URL): Launch {
  const { Worker } = globalThis as unknown as {
    readonly Worker: new (url: URL, options: DenoWorkerOptions) => DenoWorker;
  };
  return (events) => {
    const worker = new Worker(url, {
      type: "module",
      name: "fettle-isolate",
      deno: { permissions: "none" },
    });
    let over = false;
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      worker.terminate();
      events.lost(reason);
    };
    worker.onmessage = (event) => {
      if (!over) events.message(event.data);
    };
    worker.onmessageerror = () => end("its message could not be read");
    worker.onerror = (event) => {
      // Else Deno would end this process too.
      event.preventDefault();
      end(`its thread failed: ${event.message}`);
    };
    return {
      shares: true,
      post: (message) => worker.postMessage(message),
      hold: () => undefined,
      kill: async () => {
        over = true;
        worker.terminate();
      },
    };
  };
}
