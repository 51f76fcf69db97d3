import { expect, test } from "vitest";
import { CancelledError, ModelError } from "#src/core/errors";
import type { ModelRequest } from "#src/core/model";
import { retryAfterMs } from "#src/model/failure";
import { retryModel } from "#src/model/retry";
import { createScriptedModel, type Script } from "#src/model/scripted";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";

const request: ModelRequest = {
  purpose: "generate",
  system: "",
  messages: [{ role: "user", content: "hello" }],
};

function failing(more: Partial<ModelError> = {}): ModelError {
  return new ModelError("it failed.", {
    provider: "scripted",
    failure: "server",
    retryable: true,
    ...more,
  });
}

/** Runs the clock from wait to wait and notes each, until the work is done. */
async function waitsOf(clock: FakeClock, work: Promise<unknown>): Promise<number[]> {
  const waits: number[] = [];
  let done = false;
  const finish = (): void => {
    done = true;
  };
  const settled = work.then(finish, finish);
  for (;;) {
    await Promise.race([settled, clock.untilWaiting(100_000)]);
    // Whatever else is about to wait shall be waiting.
    await new Promise((resolve) => setImmediate(resolve));
    if (done) return waits;
    const [next] = clock.pending();
    if (next === undefined) return waits;
    waits.push(next);
    await clock.advance(next);
  }
}

function retrying(script: Script, options: Parameters<typeof retryModel>[1] = {}) {
  const clock = createFakeClock();
  const once = createScriptedModel(script, { clock });
  return { clock, once, model: retryModel(once, { clock, random: () => 1, ...options }) };
}

test("waits double from try to try up to the longest, and the tries are bounded", async () => {
  const { clock, once, model } = retrying(() => failing(), { attempts: 6, maxDelayMs: 3_000 });
  const asked = model.ask(request);
  asked.catch(() => undefined);
  expect(await waitsOf(clock, asked)).toEqual([500, 1_000, 2_000, 3_000, 3_000]);
  await expect(asked).rejects.toThrow("it failed. Given up after 6 tries.");
  await expect(asked).rejects.toMatchObject({ failure: "server", provider: "scripted", retryable: true });
  expect(once.requests).toHaveLength(6);
  expect(clock.pending()).toEqual([]);
});

test("jitter takes up to half of a wait", async () => {
  const { clock, model } = retrying([failing(), failing(), "ok"], { random: () => 0 });
  const asked = model.ask(request);
  expect(await waitsOf(clock, asked)).toEqual([250, 500]);
  expect((await asked).text).toBe("ok");
});

test("a provider's wait is kept where it is longer than ours", async () => {
  const { clock, model } = retrying([failing({ retryAfterMs: 7_000 }), failing({ retryAfterMs: 1 }), "ok"]);
  const asked = model.ask(request);
  expect(await waitsOf(clock, asked)).toEqual([7_000, 1_000]);
  expect((await asked).text).toBe("ok");
});

test("a wait that is too long to be kept fails the call at once", async () => {
  const { clock, once, model } = retrying([failing({ retryAfterMs: 61_000 }), "ok"]);
  const asked = model.ask(request);
  await expect(asked).rejects.toThrow(
    /Not tried again \(it asked to wait 61000 ms\): 60000 ms may be waited/,
  );
  await expect(asked).rejects.toMatchObject({ retryAfterMs: 61_000 });
  expect(once.requests).toHaveLength(1);
  expect(clock.pending()).toEqual([]);
});

test("a wait past the deadline fails the call at once", async () => {
  const { once, model } = retrying([failing({ retryAfterMs: 5_000 }), "ok"]);
  await expect(model.ask(request, { timeoutMs: 4_000 })).rejects.toThrow(/4000 ms may be waited/);
  expect(once.requests).toHaveLength(1);
});

test("a call without any time asks nobody, and one with endless time sets no timer", async () => {
  const { once, model } = retrying(["ok", "ok"]);
  await expect(model.ask(request, { timeoutMs: 0 })).rejects.toMatchObject({ failure: "timeout" });
  expect(once.requests).toHaveLength(0);
  const real = retryModel(once, { attemptTimeoutMs: 2 ** 40 });
  expect((await real.ask(request, { timeoutMs: Infinity })).text).toBe("ok");
});

test("what cannot succeed later is not tried again", async () => {
  const error = failing({ failure: "auth", retryable: false });
  const { once, model } = retrying([error, "ok"]);
  await expect(model.ask(request)).rejects.toBe(error);
  expect(once.requests).toHaveLength(1);
});

test("errors that are no model's are passed on as they are", async () => {
  const error = new TypeError("a bug");
  const { model } = retrying([error, "ok"]);
  await expect(model.ask(request)).rejects.toBe(error);
});

test("an abort ends a wait at once", async () => {
  const { clock, once, model } = retrying(() => failing());
  const controller = new AbortController();
  const asked = model.ask(request, { signal: controller.signal });
  await clock.untilWaiting(500);
  controller.abort();
  await expect(asked).rejects.toBeInstanceOf(CancelledError);
  expect(once.requests).toHaveLength(1);
  expect(clock.pending()).toEqual([]);
});

test("the deadline covers all tries together", async () => {
  const { clock, once, model } = retrying([failing(), { text: "late", delayMs: 9_000 }]);
  const asked = model.ask(request, { timeoutMs: 2_000 });
  const failed = expect(asked).rejects.toMatchObject({ failure: "timeout", retryable: true });
  expect(await waitsOf(clock, asked)).toEqual([500, 1_500]);
  await failed;
  expect(once.requests).toHaveLength(2);
});

test("a try that hangs is given up and made again", async () => {
  const hangs: Script = (_request, index) => (index === 0 ? new Promise<string>(() => undefined) : "ok");
  const { clock, model } = retrying(hangs, { attemptTimeoutMs: 3_000 });
  const asked = model.ask(request);
  expect(await waitsOf(clock, asked)).toEqual([3_000, 500]);
  expect((await asked).text).toBe("ok");
});

test("a call that ends in time leaves no timer behind", async () => {
  const { clock, model } = retrying(["ok"]);
  await model.ask(request, { timeoutMs: 1_000 });
  expect(clock.pending()).toEqual([]);
});

test("a model that does not heed its signal cannot hold up an abort", async () => {
  const deaf = retryModel({ name: "deaf/m", ask: () => new Promise(() => undefined) });
  await expect(deaf.ask(request, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(CancelledError);
  const controller = new AbortController();
  const asked = deaf.ask(request, { signal: controller.signal });
  controller.abort();
  await expect(asked).rejects.toBeInstanceOf(CancelledError);
});

test("a listener hears of a restart once for void text, and not where there was none", async () => {
  const clock = createFakeClock();
  const heard: string[] = [];
  let tries = 0;
  const model = retryModel(
    {
      name: "test/m",
      ask: async (_request, options) => {
        tries += 1;
        if (tries === 1 || tries === 3) throw failing();
        options?.onText?.(`try ${tries}`);
        if (tries === 2) throw failing();
        return createScriptedModel(["whole"]).ask(request);
      },
    },
    { clock },
  );
  const asked = model.ask(request, {
    onText: (delta) => void heard.push(delta),
    onRestart: (reason) => void heard.push(`restart: ${reason.message}`),
  });
  await waitsOf(clock, asked);
  await asked;
  expect(heard).toEqual(["try 2", "restart: it failed.", "try 4"]);
});

test("text of a try that was given up is not delivered", async () => {
  const clock = createFakeClock();
  let late = (): void => undefined;
  let tries = 0;
  const model = retryModel(
    {
      name: "test/m",
      ask: async (_request, options) => {
        tries += 1;
        if (tries > 1) return createScriptedModel(["ok"]).ask(request, options);
        late = () => options?.onText?.("too late");
        return new Promise(() => undefined);
      },
    },
    { clock, attemptTimeoutMs: 1_000 },
  );
  const heard: string[] = [];
  const asked = model.ask(request, { onText: (delta) => void heard.push(delta) });
  await waitsOf(clock, asked);
  await asked;
  late();
  expect(heard).toEqual(["ok"]);
});

test("retry-after is read in milliseconds, in seconds and as a date", () => {
  const now = Date.parse("2026-11-22T10:00:00Z");
  const read = (headers: Record<string, string>): number | undefined =>
    retryAfterMs(new Headers(headers), now);
  expect(read({ "retry-after-ms": "1500", "retry-after": "9" })).toBe(1_500);
  expect(read({ "retry-after": "2" })).toBe(2_000);
  expect(read({ "retry-after": "0.5" })).toBe(500);
  expect(read({ "retry-after": "Sun, 22 Nov 2026 10:00:07 GMT" })).toBe(7_000);
  expect(read({ "retry-after": "Sun, 22 Nov 2026 09:00:00 GMT" })).toBe(0);
  expect(read({ "retry-after": "soon" })).toBeUndefined();
  expect(read({})).toBeUndefined();
});
