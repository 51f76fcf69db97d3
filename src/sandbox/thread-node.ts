// An isolate as a Node worker thread: no environment, no standard streams, bounded heap.
// Invariant: the thread inherits nothing of the host's arguments and settings.
import { Worker } from "node:worker_threads";
import { messageOf } from "../core/errors.ts";
import type { Launch } from "./link.ts";
import type { FromIsolate } from "./protocol.ts";

/** Heap of the isolate itself; guests have their memories outside of it. */
const RESOURCES = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** Starts worker threads that run the worker at `url`. */
export function nodeThreads(url: URL): Launch {
  return (events) => {
    const worker = new Worker(url, {
      name: "fettle-isolate",
      env: {},
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: RESOURCES,
    });
    let over = false;
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      events.lost(reason);
    };
    worker.on("message", (message: FromIsolate) => {
      if (!over) events.message(message);
    });
    worker.on("messageerror", (error) => end(`its message could not be read: ${messageOf(error)}`));
    worker.on("error", (error) => end(`its thread failed: ${messageOf(error)}`));
    worker.on("exit", (code) => end(`its thread ended with code ${code}`));
    return {
      shares: true,
      post: (message) => worker.postMessage(message),
      hold: (alive) => (alive ? worker.ref() : worker.unref()),
      kill: async () => {
        over = true;
        worker.ref();
        await worker.terminate();
      },
    };
  };
}
