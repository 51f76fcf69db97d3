// The connection to a server, against one that misbehaves in every way that a program can.
import { describe, expect, it } from "vitest";
import { McpError } from "fettle";
import { collectLog, oddServer, openServer } from "./servers.ts";

const failureOf = async (work: Promise<unknown>): Promise<McpError> => {
  const thrown: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown instanceof McpError) return thrown;
  throw new Error(`no McpError: ${String(thrown)}`);
};

describe("a server that cannot be started", () => {
  it("is named, with its program, where there is no such program", async () => {
    const { message, server } = await failureOf(openServer({ command: "no-such-program-here" }));
    expect(server).toBe("odd");
    expect(message).toMatch(
      /"odd" cannot be started: there is no program "no-such-program-here"\. Install it/,
    );
  });

  it("is explained by its last words where it ends, without the secrets it was given", async () => {
    const given = { ...oddServer("ends", "the file top-secret-1"), env: { KEY: "top-secret-1" } };
    const { message } = await failureOf(openServer(given));
    expect(message).toContain("Its last words:\ncannot read the file [redacted]");
    expect(message).not.toContain("top-secret-1");
  });

  it("is given up where it says nothing for too long", async () => {
    const { message, retryable } = await failureOf(openServer({ ...oddServer("hangs"), timeoutMs: 600 }));
    expect(message).toContain("has not answered within 600 ms (timeoutMs)");
    expect(retryable).toBe(true);
  });

  it("is told from one that speaks no protocol", async () => {
    const log = collectLog();
    const { message } = await failureOf(openServer({ ...oddServer("garbage"), timeoutMs: 600 }, log));
    expect(message).toContain("Is it an MCP server that speaks over its standard streams?");
  });
});

describe("a server that dies", () => {
  it("fails the call under way, and is started again by the next one", async () => {
    const log = collectLog();
    await using server = await openServer({ ...oddServer(), env: { KEY: "hunter2-secret" } }, log);
    const first = await server.call("pid");
    const { message, retryable } = await failureOf(server.call("die"));
    expect(message).toContain("was lost while die() was under way: whether that was done is not known");
    expect(retryable).toBe(true);
    const second = await server.call("pid");
    expect(Number(second)).toBeGreaterThan(0);
    expect(second).not.toBe(first);
    const lines = log.lines.join("\n");
    expect(lines).toContain("warn the connection to an MCP server was lost");
    expect(lines).toContain("out of luck, token=[redacted]");
    expect(lines).not.toContain("hunter2-secret");
  });

  it("is started once for all calls that wait for it", async () => {
    await using server = await openServer(oddServer());
    await failureOf(server.call("die"));
    const pids = await Promise.all([server.call("pid"), server.call("pid"), server.call("pid")]);
    expect(new Set(pids).size).toBe(1);
  });
});

describe("a call", () => {
  it("that is aborted is cancelled at the server", async () => {
    await using server = await openServer(oddServer());
    const abort = new AbortController();
    const call = server.call("silent", {}, { signal: abort.signal });
    call.catch(() => undefined);
    await server.call("pid");
    abort.abort(new Error("enough"));
    await expect(call).rejects.toThrow();
    await expect(server.call("cancelled")).resolves.toBe("1");
  });

  it("ends where the server is silent for too long, and the server is told to stop", async () => {
    await using server = await openServer({ ...oddServer(), timeoutMs: 700 });
    const { message } = await failureOf(server.call("silent"));
    expect(message).toContain("has said nothing for 700 ms while silent() was under way");
    await expect(server.call("cancelled")).resolves.toBe("1");
  });

  it("goes on for as long as the server tells of its progress", async () => {
    const log = collectLog();
    await using server = await openServer({ ...oddServer(), timeoutMs: 1_000 }, log);
    await expect(server.call("slow", { steps: 15 })).resolves.toBe("done at last");
    // The last of them may come together with the answer.
    expect(log.lines.filter((line) => line.includes("an MCP tool goes on")).length).toBeGreaterThan(10);
  });

  it("carries its id, by which a server can know it again", async () => {
    await using server = await openServer(oddServer());
    const meta = JSON.parse((await server.call("meta", {}, { callId: "t1-1:4" })) as string) as object;
    expect(meta).toMatchObject({ "fettle/callId": "t1-1:4" });
  });
});

describe("a program", () => {
  it("inherits nothing of this process's environment but what every program needs", async () => {
    process.env["FETTLE_TEST_KEY"] = "sk-inherited";
    try {
      await using server = await openServer({ ...oddServer(), env: { OWN: "given" } });
      const env = JSON.parse((await server.call("env")) as string) as Record<string, string>;
      expect(env).toMatchObject({ OWN: "given", PATH: process.env["PATH"] });
      expect(env).not.toHaveProperty("FETTLE_TEST_KEY");
    } finally {
      delete process.env["FETTLE_TEST_KEY"];
    }
  });

  it("that mutters without end fills neither the log nor the memory", async () => {
    const log = collectLog();
    await using server = await openServer(oddServer(), log);
    await server.call("mutter");
    await server.close();
    const muttered = log.lines.filter((line) => line.includes("mmm"));
    expect(muttered.length).toBeGreaterThan(0);
    expect(Math.max(...muttered.map((line) => line.length))).toBeLessThan(600);
  });

  it("is gone once its source is closed, and cannot be called any more", async () => {
    const server = await openServer(oddServer());
    const pid = Number(await server.call("pid"));
    await server.close();
    expect(() => process.kill(pid, 0)).toThrow();
    const { message } = await failureOf(server.call("pid"));
    expect(message).toContain("is closed");
  });
});
