// A local server that speaks the providers' wire formats: each request gets the next reply of a script.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown>;
}

/** Answers one request in whatever way it likes. */
export type Reply = (response: ServerResponse, seen: Seen) => void | Promise<void>;

export interface ProviderServer {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** Resolves when the first request has come. */
  readonly asked: Promise<void>;
  /** Resolves when a client has gone away before its answer was complete. */
  readonly clientGone: Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1; the last reply serves all further requests. */
export async function startServer(replies: readonly Reply[]): Promise<ProviderServer> {
  const seen: Seen[] = [];
  const [asked, onAsked] = signal();
  const [clientGone, onGone] = signal();
  const server = createServer((request, response) => {
    response.on("close", () => {
      if (!response.writableFinished) onGone();
    });
    void readBody(request).then((body) => {
      const index = Math.min(seen.length, replies.length - 1);
      const entry: Seen = {
        method: request.method ?? "",
        url: request.url ?? "",
        headers: request.headers,
        body,
      };
      seen.push(entry);
      onAsked();
      return replies[index]?.(response, entry);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
  };
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, asked, clientGone, close, [Symbol.asyncDispose]: close };
}

function signal(): [promise: Promise<void>, resolve: () => void] {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return [promise, resolve];
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

/** A status with a JSON body. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** A body as it is, under any content type. */
export function raw(status: number, contentType: string, body: string): Reply {
  return (response) => {
    response.writeHead(status, { "content-type": contentType });
    response.end(body);
  };
}

/** Server-sent events; `cut` breaks the connection after them, `hold` leaves it open. */
export function events(lines: readonly string[], end: "end" | "cut" | "hold" = "end"): Reply {
  return async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const line of lines) await new Promise((resolve) => response.write(line, resolve));
    if (end === "end") response.end();
    else if (end === "cut") response.destroy();
  };
}

/** Never answers. */
export const silence: Reply = () => undefined;

interface Usage {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
}

/** Anthropic's events of a message whose text comes in pieces. */
export function anthropicEvents(
  pieces: readonly string[],
  options: { readonly stop?: string; readonly usage?: Usage; readonly model?: string } = {},
): string[] {
  const { usage = {}, stop = "end_turn", model = "claude-test-1" } = options;
  const event = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
  return [
    event("message_start", {
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model,
        content: [],
        stop_reason: null,
        usage: {
          input_tokens: usage.input ?? 10,
          output_tokens: 1,
          cache_read_input_tokens: usage.cacheRead ?? 0,
          cache_creation_input_tokens: usage.cacheWrite ?? 0,
          service_tier: "standard",
        },
      },
    }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    event("ping", {}),
    ...pieces.map((text) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
    event("content_block_stop", { index: 0 }),
    event("message_delta", {
      delta: { stop_reason: stop, stop_sequence: null },
      usage: { output_tokens: usage.output ?? 5 },
    }),
    event("message_stop", {}),
  ];
}

/** Anthropic's whole message. */
export function anthropicMessage(
  text: string,
  options: { readonly stop?: string; readonly usage?: Usage; readonly model?: string } = {},
): Record<string, unknown> {
  const { usage = {}, stop = "end_turn", model = "claude-test-1" } = options;
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content: [
      { type: "thinking", thinking: "not an answer", signature: "s" },
      { type: "text", text },
    ],
    stop_reason: stop,
    stop_sequence: null,
    usage: {
      input_tokens: usage.input ?? 10,
      output_tokens: usage.output ?? 5,
      cache_read_input_tokens: usage.cacheRead ?? 0,
      cache_creation_input_tokens: usage.cacheWrite ?? 0,
      service_tier: "standard",
    },
  };
}

/** Anthropic's form of an error. */
export function anthropicError(type: string, message: string): Record<string, unknown> {
  return { type: "error", error: { type, message } };
}

interface CompletionOptions {
  readonly finish?: string;
  readonly usage?: Usage | null;
  readonly model?: string;
  readonly refusal?: string;
}

function completionUsage(usage: Usage): Record<string, unknown> {
  const { input = 10, output = 5, cacheRead = 0 } = usage;
  return {
    prompt_tokens: input + cacheRead,
    completion_tokens: output,
    total_tokens: input + cacheRead + output,
    prompt_tokens_details: { cached_tokens: cacheRead },
  };
}

/** Chunks of a chat completion whose text comes in pieces, usage last, then `[DONE]`. */
export function completionEvents(pieces: readonly string[], options: CompletionOptions = {}): string[] {
  const { finish = "stop", usage = {}, model = "gpt-test-1", refusal } = options;
  const chunk = (data: object): string =>
    `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model, ...data })}\n\n`;
  const choice = (delta: object, finish_reason: string | null = null): string =>
    chunk({ choices: [{ index: 0, delta, finish_reason }] });
  return [
    choice({ role: "assistant", content: "" }),
    ...pieces.map((content) => choice({ content })),
    ...(refusal === undefined ? [] : [choice({ refusal })]),
    choice({}, finish),
    ...(usage === null ? [] : [chunk({ choices: [], usage: completionUsage(usage) })]),
    "data: [DONE]\n\n",
  ];
}

/** A whole chat completion. */
export function completion(text: string, options: CompletionOptions = {}): Record<string, unknown> {
  const { finish = "stop", usage = {}, model = "gpt-test-1", refusal } = options;
  return {
    id: "c1",
    object: "chat.completion",
    created: 1,
    model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: refusal === undefined ? text : null,
          refusal: refusal ?? null,
        },
        finish_reason: finish,
      },
    ],
    ...(usage === null ? {} : { usage: completionUsage(usage) }),
  };
}

/** OpenAI's form of an error. */
export function openAiError(message: string, code: string | null = null): Record<string, unknown> {
  return { error: { message, type: "invalid_request_error", param: null, code } };
}
