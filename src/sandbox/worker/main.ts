// The worker's entry: finds the way to its host on whatever it runs on and serves it.
// Invariant: bundled into one file without imports, so that a worker without any permission can load it.
import type { FromIsolate, ToIsolate } from "../protocol.ts";
import { IsolateWorker } from "./isolate.ts";
import { serveProcess } from "./process.ts";

/** The guest's bootstrap, put in by scripts/build-worker.mjs. */
declare const GUEST_BOOTSTRAP: string;

interface Port {
  postMessage(message: FromIsolate): void;
  on(event: "message", listener: (message: ToIsolate) => void): void;
}

interface WebWorkerScope {
  postMessage(message: FromIsolate): void;
  onmessage: ((event: { readonly data: ToIsolate }) => void) | null;
}

function serve(): void {
  const port = nodePort();
  if (port !== null) {
    const worker = new IsolateWorker(GUEST_BOOTSTRAP, (message) => port.postMessage(message));
    port.on("message", (message) => worker.receive(message));
    return;
  }
  const scope = globalThis as unknown as Partial<WebWorkerScope>;
  if (typeof scope.postMessage === "function") {
    const post = scope.postMessage.bind(scope);
    const worker = new IsolateWorker(GUEST_BOOTSTRAP, (message) => post(message));
    scope.onmessage = (event) => worker.receive(event.data);
    return;
  }
  serveProcess(GUEST_BOOTSTRAP);
}

/** The port to the thread that started this one; null in a process of its own and on Deno. */
function nodePort(): Port | null {
  if ("Deno" in globalThis) return null;
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  return parentPort;
}

serve();
