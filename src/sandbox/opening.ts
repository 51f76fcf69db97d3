// Opens the pool that a sandbox's options ask for, with the engine that was built.
// Invariant: nothing weaker is opened in place of what was asked for.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { DefinitionError, messageOf, SandboxError } from "../core/errors.ts";
import { ENGINE_URL, WORKER_URL, type Launch } from "./link.ts";
import { Pool } from "./pool.ts";
import { processes } from "./process.ts";
import { denoThreads } from "./thread-deno.ts";
import { nodeThreads } from "./thread-node.ts";
import { Module } from "./worker/webassembly.ts";

/** What isolates there are, and what they take. */
export interface IsolateOptions {
  /** What an isolate is: a thread ("thread", the default) or a process of its own ("process"). */
  readonly isolation?: "thread" | "process" | undefined;
  /** How many isolates; as many as processors, at most 8, where absent. */
  readonly isolates?: number | undefined;
  /** Guests that may wait in one isolate at once; 1,000 where absent. */
  readonly guestsPerIsolate?: number | undefined;
  /** Runs that may wait for an isolate; 1,000 where absent. */
  readonly maxQueued?: number | undefined;
  /** Engine instances made ahead of need in each isolate; 2 where absent. */
  readonly spares?: number | undefined;
}

/** How many isolates there are where nobody says. */
export function defaultIsolates(): number {
  return Math.min(availableParallelism(), 8);
}

/**
 * Opens a pool of isolates.
 *
 * @throws DefinitionError where an option is wrong; SandboxError `SANDBOX_FAILED` where the engine has not been built.
 */
export function openPool(options: IsolateOptions): Pool {
  return new Pool({
    launch: launchOf(options.isolation),
    engine: readEngine(),
    isolates: countOption("isolates", options.isolates, defaultIsolates(), 1),
    guestsPerIsolate: countOption("guestsPerIsolate", options.guestsPerIsolate, 1000, 1),
    maxQueued: countOption("maxQueued", options.maxQueued, 1000, 0),
    spares: countOption("spares", options.spares, 2, 0),
  });
}

function launchOf(isolation: IsolateOptions["isolation"]): Launch {
  switch (isolation) {
    case "process":
      return processes(WORKER_URL);
    case "thread":
    case undefined:
      return "Deno" in globalThis ? denoThreads(WORKER_URL) : nodeThreads(WORKER_URL);
    default:
      throw new DefinitionError(
        `The sandbox isolation is "${isolation as string}": it must be "thread" or "process".`,
      );
  }
}

function readEngine(): { readonly bytes: Uint8Array; readonly module: object } {
  try {
    const bytes = readFileSync(ENGINE_URL);
    return { bytes, module: new Module(bytes) };
  } catch (thrown) {
    throw new SandboxError(
      "SANDBOX_FAILED",
      `Cannot load the sandbox's engine from ${ENGINE_URL.pathname}: ${messageOf(thrown)}. Run "npm run build".`,
      { cause: thrown },
    );
  }
}

/** An option that counts; `absent` where it is not given. */
export function countOption(name: string, given: number | undefined, absent: number, least: number): number {
  if (given === undefined) return absent;
  if (Number.isInteger(given) && given >= least) return given;
  throw new DefinitionError(
    `The sandbox option ${name} is ${given}: it must be an integer from ${least} on.`,
  );
}
