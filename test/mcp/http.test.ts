// Servers that are reached by HTTP: the published one, and one that answers as a test tells it.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { collectLog, openServer, startEverything } from "./servers.ts";

/** A server that answers every request with one status, and remembers their headers. */
async function startRefusing(status: number) {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    response.writeHead(status, { "content-type": "text/plain" });
    response.end(`no entry for ${request.headers.authorization ?? "nobody"}`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    headers,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe("a server by HTTP", () => {
  it("is used like any other", async () => {
    await using http = await startEverything();
    await using server = await openServer({ url: http.url });
    await expect(server.call("get_sum", { a: 1, b: 2 })).resolves.toBe("The sum of 1 and 2 is 3.");
  });

  it("is told when a call is aborted", async () => {
    await using http = await startEverything();
    await using server = await openServer({ url: http.url });
    const abort = new AbortController();
    const call = server.call(
      "trigger_long_running_operation",
      { duration: 60, steps: 2 },
      { signal: abort.signal },
    );
    call.catch(() => undefined);
    await server.call("echo", { message: "x" });
    abort.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await expect(server.call("echo", { message: "still here" })).resolves.toBe("Echo: still here");
  });

  it("that was started anew, and knows nothing of the session, is asked again", async () => {
    const log = collectLog();
    const first = await startEverything();
    await using server = await openServer({ url: first.url }, log);
    await server.call("echo", { message: "x" });
    await first[Symbol.asyncDispose]();
    await expect(server.call("echo", { message: "x" })).rejects.toThrow(
      "was lost while echo() was under way",
    );
    await using _second = await startEverything(first.port);
    await expect(server.call("echo", { message: "again" })).resolves.toBe("Echo: again");
  });

  it("that is not there is named with its address, without what the address holds in secret", async () => {
    const opening = openServer({ url: "http://127.0.0.1:9/mcp?key=very-secret" });
    await expect(opening).rejects.toThrow(
      /^The MCP server "odd" cannot be reached at http:\/\/127\.0\.0\.1:9\/mcp: /,
    );
    await expect(opening).rejects.not.toThrow(/very-secret/);
  });

  it("is sent the headers of its definition, which no error and no log shows", async () => {
    await using http = await startRefusing(401);
    const log = collectLog();
    const opening = openServer({ url: http.url, headers: { authorization: "Token s3cret-header" } }, log);
    await expect(opening).rejects.toThrow(/answers 401\. Give it what it wants as headers/);
    expect(http.headers[0]?.authorization).toBe("Token s3cret-header");
    expect(log.lines.join("\n")).not.toContain("s3cret-header");
  });

  it("cannot fill this process's memory with one answer", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    try {
      const opening = openServer({ url: `http://127.0.0.1:${port}/mcp` });
      await expect(opening).rejects.toThrow("its answer is larger than 10485760 bytes");
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it("whose words repeat a header has them shown without it", async () => {
    await using http = await startRefusing(500);
    const headers = { authorization: "Token s3cret-header" };
    const opening = openServer({ url: http.url, headers });
    await expect(opening).rejects.toThrow(/cannot be reached/);
    await expect(opening).rejects.not.toThrow(/s3cret-header/);
  });
});
