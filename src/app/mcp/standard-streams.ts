// Serving over standard input and output, as the programs of clients start their servers.
// Invariant: nothing but the protocol goes to standard output, whatever agents, tools and libraries write: that goes to
// standard error.
import { Writable } from "node:stream";
import type { McpServerFactory } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { defer } from "../../core/deferred.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** A client on standard input and output. */
export interface StandardStreams extends AsyncDisposable {
  /** Begins to answer it. */
  serve(factory: McpServerFactory, log: Log): void;
  /** Resolves once the client has closed its end. */
  readonly gone: Promise<unknown>;
}

/** Takes standard output for the protocol, from now on: to be called before anything of the user's runs. */
export function openStandardStreams(): StandardStreams {
  const write = process.stdout.write.bind(process.stdout);
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      write(chunk, (error) => done(error ?? null));
    },
  });
  process.stdout.write = process.stderr.write.bind(process.stderr);
  // On Deno the console does not go through `process.stdout`.
  for (const method of ["log", "info", "debug", "dir", "table"] as const) {
    console[method] = (...values: unknown[]) => console.error(...values);
  }
  const gone = defer<null>();
  const transport = new StdioServerTransport(process.stdin, output);
  let handle: { close(): Promise<void> } | null = null;
  const leave = (): void => gone.resolve(null);
  process.stdin.once("end", leave).once("close", leave);
  process.stdout.once("error", leave);
  return {
    gone: gone.promise,
    serve: (factory, log) => {
      handle = serveStdio(factory, {
        transport,
        onerror: (error) => log.debug({ problem: messageOf(error) }, "an MCP client is not understood"),
      });
    },
    [Symbol.asyncDispose]: async () => {
      await handle?.close();
      process.stdin.pause();
    },
  };
}
