// The connection to one server: opened with the mesh, and again by the next call where it was lost.
// Invariant: there is one connection at a time, however many calls wait for it; a call that was under way when it was lost
// fails, because nobody knows whether it was done; and a server that keeps failing is asked more and more seldom.
import {
  Client,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  type CallToolResult,
  type RequestOptions,
  type Tool,
} from "@modelcontextprotocol/client";
import type { Clock } from "../core/clock.ts";
import { McpError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { MCP_TIMEOUT_MS, type McpServer } from "../core/mcp.ts";
import { pause } from "../core/pause.ts";
import { redact } from "../core/secret.ts";
import type { ToolSourceOptions } from "../core/tool-source.ts";
import { untilAborted, within } from "./patience.ts";
import { openLine, placeOf, secretsOf, type Line } from "./transport.ts";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** So long may a server take to be told that its session is over. */
const FAREWELL_MS = 2_000;

/** What a call needs. */
export interface McpCall {
  readonly tool: Tool;
  readonly input: unknown;
  readonly callId: string;
  readonly signal: AbortSignal;
}

interface Open {
  readonly client: Client;
  readonly line: Line;
}

/** One server. */
export class McpConnection {
  readonly #server: McpServer;
  readonly #name: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #ending = new AbortController();
  #open: Open | null = null;
  #opening: Promise<Open> | null = null;
  #wasOpen = false;
  /** Connections that were lost or could not be made since a call last succeeded. */
  #failures = 0;
  /** Told when the tools of the server may have changed: it says so, or was connected to anew. */
  onToolsChanged: () => void = () => undefined;

  constructor(server: McpServer, { name, log, clock }: ToolSourceOptions) {
    this.#server = server;
    this.#name = name;
    this.#log = log;
    this.#clock = clock;
    this.#timeoutMs = server.timeoutMs ?? MCP_TIMEOUT_MS;
  }

  /** All tools of the server, as it describes them. @throws McpError */
  async list(): Promise<readonly Tool[]> {
    const open = await this.#connected();
    try {
      const { tools } = await open.client.listTools(undefined, {
        timeout: this.#timeoutMs,
        cacheMode: "refresh",
      });
      return tools;
    } catch (thrown) {
      if (isLost(thrown)) this.#lose(open);
      throw this.#error(`cannot be asked for its tools: ${this.#reasonOf(thrown)}.`, thrown);
    }
  }

  /** Calls a tool. @throws McpError where there was no answer; what the tool itself says is an error is an answer. */
  async call(call: McpCall): Promise<CallToolResult> {
    for (let isFirst = true; ; isFirst = false) {
      const open = await untilAborted(this.#connected(), call.signal);
      try {
        const result = await this.#request(open, call);
        this.#failures = 0;
        return result;
      } catch (thrown) {
        call.signal.throwIfAborted();
        const isRefused = open.line.hasSession() && isForgotten(thrown);
        if (isRefused || isLost(thrown)) this.#lose(open);
        // A server that knows the session no more has not done what it was asked.
        if (!isRefused || !isFirst) throw this.#callError(call.tool.name, thrown, open);
      }
    }
  }

  /** Ends the connection, and what it started. */
  async close(): Promise<void> {
    this.#ending.abort();
    const open = (await this.#opening?.catch(() => null)) ?? this.#open;
    this.#open = null;
    if (open === null) return;
    await within(
      this.#clock,
      FAREWELL_MS,
      open.line.hangUp().catch(() => undefined),
    );
    await open.client.close().catch(() => undefined);
  }

  async #request({ client }: Open, { tool, input, callId, signal }: McpCall): Promise<CallToolResult> {
    const { outputSchema: _, ...definition } = tool;
    const options: RequestOptions & { readonly toolDefinition: Tool } = {
      signal,
      timeout: this.#timeoutMs,
      resetTimeoutOnProgress: true,
      onprogress: ({ progress, total, message }) =>
        this.#log.debug(
          { mcp: this.#name, tool: tool.name, callId, progress, total, message },
          "an MCP tool goes on",
        ),
      // Without its output schema: the host of the guest validates what comes back.
      toolDefinition: definition,
    };
    const call = {
      name: tool.name,
      arguments: input as Record<string, unknown>,
      _meta: { "fettle/callId": callId },
    };
    return client.callTool(call, options);
  }

  #connected(): Promise<Open> {
    if (this.#open !== null) return Promise.resolve(this.#open);
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #connect(): Promise<Open> {
    const { signal } = this.#ending;
    // What failed once is tried again at once.
    if (this.#failures > 1) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 2));
      await pause(pauseMs, { clock: this.#clock, signal });
    }
    if (signal.aborted) throw this.#error("is closed: its mesh has stopped.");
    const line = openLine(this.#server, (text) =>
      this.#log.debug({ mcp: this.#name, line: text }, "an MCP server says"),
    );
    let problem: string | undefined;
    const client = new Client(
      { name: "fettle", version: "1" },
      {
        // A program is asked in the way that all of them know: to ask first which one it prefers, it would be started twice.
        versionNegotiation: { mode: this.#server.command === undefined ? "auto" : "legacy" },
        listChanged: {
          tools: {
            autoRefresh: false,
            debounceMs: 0,
            onChanged: () => {
              this.#log.info({ mcp: this.#name }, "the tools of an MCP server have changed");
              this.onToolsChanged();
            },
          },
        },
      },
    );
    client.onerror = (error) => {
      problem = this.#clean(error.message);
      this.#log.debug({ mcp: this.#name, problem }, "an MCP server is not understood");
    };
    try {
      await client.connect(line.transport, { timeout: this.#timeoutMs, signal });
    } catch (thrown) {
      this.#failures += 1;
      await client.close().catch(() => undefined);
      throw this.#error(this.#startFault(thrown, problem, line.lastWords()), thrown);
    }
    const open = { client, line };
    client.onclose = () => this.#lose(open);
    this.#open = open;
    if (this.#wasOpen) this.onToolsChanged();
    this.#wasOpen = true;
    return open;
  }

  /** The connection is of no more use. */
  #lose(open: Open): void {
    if (this.#open !== open) return;
    this.#open = null;
    this.#failures += 1;
    if (this.#ending.signal.aborted) return;
    const lastWords = open.line.lastWords();
    this.#log.warn(
      { mcp: this.#name, ...(lastWords === "" ? {} : { lastWords }) },
      "the connection to an MCP server was lost; the next call makes a new one",
    );
    void open.client.close().catch(() => undefined);
  }

  #startFault(thrown: unknown, problem: string | undefined, lastWords: string): string {
    const place = placeOf(this.#server);
    const words = lastWords === "" ? "" : ` Its last words:\n${lastWords}`;
    const garbage = problem === undefined ? "" : ` What it sent is no message of the protocol: ${problem}.`;
    if (this.#server.command === undefined) {
      const status = thrown instanceof SdkHttpError ? thrown.status : undefined;
      if (status === 401 || status === 403) {
        return `cannot be used: ${place} answers ${status}. Give it what it wants as headers, such as { authorization: "Bearer …" }.`;
      }
      return `cannot be reached at ${place}: ${this.#reasonOf(thrown)}.${garbage} Does it run there, and speak streamable HTTP?`;
    }
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") {
      const { cwd } = this.#server;
      const where = cwd === undefined ? "" : `, or no folder ${cwd}`;
      return `cannot be started: there is no program "${place}"${where}. Install it, or give its whole path as the command.`;
    }
    if (isTimeout(thrown)) {
      return (
        `cannot be used: "${place}" runs, and has not answered within ${this.#timeoutMs} ms (timeoutMs).${garbage} ` +
        `Is it an MCP server that speaks over its standard streams?${words}`
      );
    }
    return `cannot be started: "${place}" failed: ${this.#reasonOf(thrown)}.${garbage}${words}`;
  }

  #callError(tool: string, thrown: unknown, { line }: Open): McpError {
    if (isTimeout(thrown)) {
      return this.#error(
        `has said nothing for ${this.#timeoutMs} ms while ${tool}() was under way; it was told to stop. ` +
          "Raise the server's timeoutMs where that is too little.",
        thrown,
      );
    }
    if (isLost(thrown)) {
      const lastWords = line.lastWords();
      return this.#error(
        `was lost while ${tool}() was under way: whether that was done is not known (${this.#reasonOf(thrown)}). ` +
          `The next call connects anew.${lastWords === "" ? "" : ` Its last words:\n${lastWords}`}`,
        thrown,
      );
    }
    return this.#error(`refused ${tool}(): ${this.#reasonOf(thrown)}`, thrown);
  }

  #error(what: string, cause?: unknown): McpError {
    if (cause instanceof McpError) return cause;
    return new McpError(this.#name, `The MCP server "${this.#name}" ${what}`, {
      retryable: isLost(cause) || isTimeout(cause),
    });
  }

  /** Why something failed, without secrets and without the last full stop. */
  #reasonOf(thrown: unknown): string {
    const cause = thrown instanceof Error && thrown.cause !== undefined ? `: ${messageOf(thrown.cause)}` : "";
    return this.#clean(`${messageOf(thrown)}${cause}`)
      .replace(/\s+/g, " ")
      .replace(/\.$/, "");
  }

  #clean(text: string): string {
    return redact(text, secretsOf(this.#server)).slice(0, 1000);
  }
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout;
}

/** Whether the server, or the way to it, is gone. */
function isLost(thrown: unknown): boolean {
  if (thrown instanceof SdkHttpError) return (thrown.status ?? 0) >= 500;
  if (thrown instanceof SdkError) {
    return ["CONNECTION_CLOSED", "NOT_CONNECTED", "SEND_FAILED"].includes(thrown.code);
  }
  // What fetch throws where nobody answers.
  return thrown instanceof TypeError;
}

/** Whether an HTTP server may have forgotten the session: the protocol says 404, and some say 400. */
function isForgotten(thrown: unknown): boolean {
  return thrown instanceof SdkHttpError && (thrown.status === 404 || thrown.status === 400);
}
