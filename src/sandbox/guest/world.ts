// The guest's bootstrap: evaluated once in a booted engine whose memory every guest starts as a copy of.
// Invariant: it holds only captured built-ins and its own closures; no guest can reach `tell` or this file's
// state, and whatever a guest does to its world changes nothing here.
import { makeRandom } from "./chance.ts";
import { decodeFromHost, encodeForHost, MAX_DEPTH } from "./codec.ts";
import { makeConsole } from "./console.ts";
import { ASK, TELL, type World } from "./door.ts";
import { describeFault, faultText } from "./fault.ts";
import { define, parse, slice } from "./intrinsics.ts";
import { makeTimers } from "./timers.ts";
import { makeTools, type Calls, type Tell } from "./tools.ts";

const nothing = (): void => undefined;

/** Builds the guest's world around the one function that reaches the worker; gives what the worker calls. */
export function makeWorld(
  tell: Tell,
): (kind: number, number: number, first: unknown, second: unknown) => void {
  let calls: Calls = { resolve: nothing, reject: nothing };
  let resultBytes = 0;
  const fire = makeTimers(tell, globalThis);
  define(globalThis, "structuredClone", clone);

  const start = (seed: number, text: string, context: string): void => {
    const world = parse(text) as World;
    resultBytes = world.resultBytes;
    define(Math, "random", makeRandom(seed));
    define(globalThis, "console", makeConsole(tell, world.consoleBytes));
    calls = makeTools(tell, world, globalThis);
    if (context === "") {
      define(globalThis, "context", undefined, true);
      return;
    }
    const value = decodeFromHost(context, { maxBytes: context.length, maxDepth: MAX_DEPTH });
    if (!value.ok) throw new Error("Cannot read the context: " + value.problem);
    define(globalThis, "context", value.value, true);
  };

  const finish = (value: unknown): void => {
    if (value === undefined) {
      tell(TELL.nothing, 0, "");
      return;
    }
    const result = encodeForHost(value, { maxBytes: resultBytes, maxDepth: MAX_DEPTH });
    if (result.ok) {
      tell(TELL.result, 0, result.value);
      return;
    }
    if (result.failure === "too-large") {
      tell(TELL.limit, 0, "resultBytes");
      return;
    }
    const message = "Cannot return result" + slice(result.path, 1) + ": " + result.problem;
    tell(TELL.fault, 0, faultText({ kind: "unencodable", name: "TypeError", message, stack: "", limit: "" }));
  };

  return (kind, number, first, second) => {
    switch (kind) {
      case ASK.start: {
        start(number, first as string, second as string);
        return;
      }
      case ASK.resolve: {
        calls.resolve(number, first as string);
        return;
      }
      case ASK.reject: {
        calls.reject(number, first as string);
        return;
      }
      case ASK.wake: {
        fire();
        return;
      }
      case ASK.finish: {
        finish(first);
        return;
      }
      case ASK.fail: {
        tell(TELL.fault, 0, describeFault(first));
        return;
      }
    }
  };
}

function clone(value: unknown): unknown {
  const text = encodeForHost(value, { maxBytes: 2 ** 30, maxDepth: MAX_DEPTH });
  if (!text.ok) throw new TypeError("Cannot clone " + text.path + ": " + text.problem);
  const copy = decodeFromHost(text.value, { maxBytes: text.value.length, maxDepth: MAX_DEPTH });
  return copy.ok ? copy.value : undefined;
}
