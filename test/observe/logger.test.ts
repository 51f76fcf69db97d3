// Logs: levels, fields, and above all that no secret is ever written.
import { describe, expect, it } from "vitest";
import { FettleError, StorageError } from "#src/core/errors";
import type { Log } from "#src/core/log";
import { createLogger, LOG_LEVEL_NAMES, parseLogLevel, type LoggerOptions } from "#src/observe/logger";
import { startProgram } from "../harness/live-program.ts";

const SECRET = 'se"cr\\et-value-1234';

function capture(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const log = createLogger({
    level: "trace",
    destination: { write: (line) => lines.push(line) },
    secrets: [SECRET],
    ...options,
  });
  const first = (): Record<string, unknown> => JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  return { log, lines, first };
}

describe("the logger", () => {
  it("writes one JSON line with level, time, fields and message", () => {
    const { log, lines, first } = capture();
    log.info({ taskId: "t1", nested: { n: 1 } }, "Task accepted.");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\}\n$/);
    expect(first()).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      taskId: "t1",
      nested: { n: 1 },
      msg: "Task accepted.",
    });
  });

  it("adds the fields of its parents to a child's lines", () => {
    const { log, first } = capture();
    log.child({ role: "coder" }).child({ taskId: "t1" }).warn({}, "Repairing.");
    expect(first()).toMatchObject({ level: "warn", role: "coder", taskId: "t1", msg: "Repairing." });
  });

  it("is the port Log", () => {
    const { log, lines } = capture();
    const port: Log = log;
    port.debug({}, "a");
    port.info({}, "b");
    port.warn({}, "c");
    port.error({}, "d");
    expect(lines).toHaveLength(4);
  });

  it("writes nothing below its level", () => {
    const { log, lines } = capture({ level: "error" });
    log.trace({}, "");
    log.debug({}, "");
    log.info({}, "");
    log.warn({}, "");
    expect(lines).toHaveLength(0);
    log.error({}, "");
    log.fatal({}, "");
    expect(lines).toHaveLength(2);
    const silent = capture({ level: "silent" });
    silent.log.fatal({}, "");
    expect(silent.lines).toHaveLength(0);
  });

  it.each([
    ["DEBUG", "debug"],
    ["Info", "info"],
    ["warning", "warn"],
    ["WARN", "warn"],
    ["ERROR", "error"],
    ["Critical", "fatal"],
    ["fatal", "fatal"],
    ["trace", "trace"],
    ["silent", "silent"],
    ["loud", undefined],
    ["constructor", undefined],
    ["", undefined],
  ])("takes the level name %s as %s", (name, level) => {
    expect(parseLogLevel(name)).toBe(level);
    if (level !== undefined) expect(LOG_LEVEL_NAMES).toContain(name.toUpperCase());
  });

  it("writes errors with type, code, stack and causes", () => {
    const { log, first } = capture();
    const cause = new FettleError("INTEGRITY", "the cause");
    log.error(
      { err: new StorageError("STORAGE_FAILED", "it failed", { cause }), other: new RangeError("r") },
      "x",
    );
    expect(first()).toMatchObject({
      err: {
        type: "StorageError",
        message: "it failed",
        code: "STORAGE_FAILED",
        stack: expect.stringContaining("it failed") as string,
        cause: { type: "FettleError", message: "the cause" },
      },
      other: { type: "RangeError", message: "r" },
    });
  });
});

describe("no secret is ever written by the logger:", () => {
  it("not as a known value in a message, a field, an error, its stack, its cause or a child's field", () => {
    const { log, lines } = capture();
    const error = new Error(`bad key ${SECRET}`, { cause: new Error(`again ${SECRET}`) });
    log.info({}, `using ${SECRET}`);
    log.info({ deep: [{ url: `http://x/?k=${SECRET}` }] }, "x");
    log.error({ err: error }, "x");
    log.error(error as unknown as Record<string, unknown>, error.message);
    log.child({ note: SECRET }).info({ [SECRET]: 1 }, "x");
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      expect(line).not.toMatch(/value-1234/);
      expect(line).toContain("[redacted]");
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    }
  });

  it.each([
    "apiKey",
    "api_key",
    "x-api-key",
    "Authorization",
    "authorization",
    "token",
    "accessToken",
    "refresh_token",
    "password",
    "client_secret",
    "secret",
    "Cookie",
    "set-cookie",
    "privateKey",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_API_KEY",
  ])("not under the name %s, at any depth, in children and on errors", (name) => {
    const { log, lines } = capture();
    const value = "anything at all";
    log.info({ [name]: value }, "x");
    log.info({ a: { b: [{ [name]: { inner: value } }] } }, "x");
    log.info({ map: new Map([[name, value]]) }, "x");
    log.child({ [name]: value }).info({}, "x");
    log.error({ err: Object.assign(new Error("e"), { request: { headers: { [name]: value } } }) }, "x");
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      expect(line).not.toContain(value);
      expect(line).toContain("[redacted]");
    }
  });

  it("not as an unknown value that has the shape of a key", () => {
    const { log, lines } = capture();
    log.info({ note: `sk-ant-${"a1b2".repeat(6)}` }, "Bearer abcdefghijklmnop");
    expect(lines[0]).not.toMatch(/abcdefgh|a1b2/);
  });

  it("while token counts, ids and other fields stay as they are", () => {
    const { log, first } = capture();
    const fields = {
      tokens: { input: 5, output: 7 },
      key: "a.b",
      tokenCount: 3,
      author: "me",
      secretary: "you",
    };
    log.info(fields, "x");
    expect(first()).toMatchObject(fields);
  });
});

describe("the logger withstands", () => {
  it("cycles, deep nesting, BigInt, getters that throw and odd values", () => {
    const { log, lines } = capture();
    const cycle: Record<string, unknown> = { name: "cycle" };
    cycle["self"] = cycle;
    let deep: unknown = "bottom";
    for (let index = 0; index < 1000; index += 1) deep = { deep };
    log.info({ cycle, deep, big: 10n, date: new Date(0), set: new Set([1]), f: () => 1 }, "x");
    log.info(
      {
        get bad() {
          throw new Error("no");
        },
      },
      "x",
    );
    expect(lines).toHaveLength(2);
    const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    expect(line).toMatchObject({ big: "10", date: "1970-01-01T00:00:00.000Z", set: [1] });
    expect(line["cycle"]).toEqual({ name: "cycle", self: "[circular]" });
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ unloggable: "no" });
  });

  it("the end of its process: no line is lost, standard output stays free, nothing keeps it alive", async () => {
    const program = startProgram(new URL("./log-program.mjs", import.meta.url), []);
    const { code, stderr } = await program.ended;
    expect(code).toBe(0);
    expect(stderr.trim().split("\n")).toHaveLength(200);
    expect(stderr).not.toContain("hunter2");
    expect(await program.lines.next()).toEqual({ done: false, value: "result" });
    expect((await program.lines.next()).done).toBe(true);
  });

  it("people: pretty text, in the process itself, without secrets", async () => {
    const { code, stderr } = await startProgram(new URL("./log-program.mjs", import.meta.url), ["pretty"])
      .ended;
    expect(code).toBe(0);
    expect(stderr.trim().split("\n")).toHaveLength(200);
    expect(stderr).toMatch(/INFO.*a line with \[redacted\].*"number":199/);
    expect(stderr).not.toMatch(/hunter2|^\{/m);
  });
});
