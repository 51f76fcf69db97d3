// The hostile corpus, entry by entry in one sandbox: how each run ends, that the host is as it was, that its event
// loop was free meanwhile, and that the same sandbox serves a good run right after.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ExecuteResult } from "#src/core/guest";
import { defineTool } from "#src/core/tool";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { cpu } from "./corpus/cpu.ts";
import type { Entry, Expectation } from "./corpus/entry.ts";
import { escapes } from "./corpus/escapes.ts";
import { floods } from "./corpus/floods.ts";
import { honestPrograms } from "./corpus/honest.ts";
import { leaks } from "./corpus/leaks.ts";
import { memory } from "./corpus/memory.ts";
import { results } from "./corpus/results.ts";
import { openSandbox } from "./place.ts";

/** Far more than the 50 ms that are promised: the machine of a test may be busy with other things. */
const LONGEST_HOLD_MS = 600;

const tools = {
  echo: defineTool({
    description: "Gives back its input.",
    input: z.any(),
    execute: (input: unknown) => input,
  }),
  fail: defineTool({
    description: "Fails.",
    input: z.any(),
    execute: () => {
      throw new Error("this tool fails");
    },
  }),
  wait: defineTool({
    description: "Waits, or until the run is over.",
    input: z.object({ ms: z.number() }),
    execute: ({ ms }, { signal }) =>
      new Promise<string>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          resolve("waited");
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener("abort", done, { once: true });
      }),
  }),
};

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1 });
});
afterAll(() => sandbox.close());

/** Runs work and tells how long the event loop was held at most, in milliseconds. */
async function watched<T>(work: () => Promise<T>): Promise<{ value: T; heldMs: number }> {
  let heldMs = 0;
  let last = performance.now();
  const beat = (): void => {
    const now = performance.now();
    heldMs = Math.max(heldMs, now - last - 5);
    last = now;
  };
  const timer = setInterval(beat, 5);
  try {
    const value = await work();
    beat();
    return { value, heldMs };
  } finally {
    clearInterval(timer);
  }
}

/** What every program of the host leans on, as far as a guest could have reached it. */
function hostState(): unknown {
  const prototypes = [Object, Array, Function, String, Promise, Map, Set, Error, RegExp, Date].map((one) =>
    Reflect.ownKeys(one.prototype).map(String).join(),
  );
  return {
    prototypes,
    globals: Reflect.ownKeys(globalThis).map(String).sort(),
    json: [JSON.stringify({ a: [1] }), Object.keys(Object.prototype)],
    then: String(Reflect.get(Promise.prototype, "then")),
  };
}

function check(result: ExecuteResult, entry: Entry): void {
  const expectations = [entry.expect].flat();
  for (const expected of expectations.slice(0, -1)) {
    try {
      checkOne(result, expected);
      return;
    } catch {
      // Then it must be one of the others.
    }
  }
  for (const expected of expectations.slice(-1)) checkOne(result, expected);
}

function checkOne(result: ExecuteResult, expected: Expectation): void {
  if ("value" in expected) {
    expect(result).toMatchObject({ ok: true });
    expect(result.ok && result.value).toStrictEqual(expected.value);
    return;
  }
  if (result.ok) throw new Error(`The run succeeded with ${String(result.value).slice(0, 200)}.`);
  const { error } = result;
  expect(error.failure, error.message).toBe(expected.failure);
  if (expected.limit !== undefined) expect([expected.limit].flat()).toContain(error.limit);
  if (expected.message !== undefined) expect(error.message).toMatch(expected.message);
  for (const text of [error.name, error.message, error.stack ?? ""]) expect(text.length).toBeLessThan(10_000);
}

const classes: readonly (readonly [string, readonly Entry[]])[] = [
  ["an escape", escapes],
  ["a hostile value", results],
  ["endless computing", cpu],
  ["endless memory", memory],
  ["a flood", floods],
  ["a leak", leaks],
  ["an honest program", honestPrograms],
];

describe.each(classes)("%s", (_, entries) => {
  it.each(entries.map((entry) => [entry.name, entry] as const))("%s", async (_name, entry) => {
    const before = hostState();
    const { value: result, heldMs } = await watched(() =>
      sandbox.execute(entry.code, { tools, context: entry.context, limits: entry.limits }),
    );
    check(result, entry);
    for (const line of result.console) expect(typeof line.text).toBe("string");
    expect(hostState()).toStrictEqual(before);
    expect(heldMs).toBeLessThan(LONGEST_HOLD_MS);
    expect(await sandbox.execute("result = 6 * 7")).toMatchObject({ ok: true, value: 42 });
  });
});
