// The inspector over a mesh of the test's own, on a real port of loopback.
import type { MeshSystem } from "#src/mesh";
import { silentLog } from "#src/core/log";
import type { Inspected } from "#src/app/inspector/inspected";
import { openInspectorService, type InspectorService } from "#src/app/inspector/inspector-service";
import type { InspectorEvent } from "#src/app/inspector/shapes";

/** An answer, read. */
export interface Answer<T = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** An event of a stream. */
export type HeardEvent = InspectorEvent & { readonly id: string };

/** A stream that is read as far as the test asks for. */
export interface EventReader extends AsyncDisposable {
  readonly status: number;
  /** The next event of a type that fits, each once; others stay for later. */
  next<T extends InspectorEvent["type"]>(
    type: T,
    fits?: (event: Extract<InspectorEvent, { type: T }>) => boolean,
  ): Promise<Extract<InspectorEvent, { type: T }> & { readonly id: string }>;
  /** All that was read so far. */
  readonly seen: readonly HeardEvent[];
  /** The bytes that were read, as they came. */
  readonly text: string;
}

/** The inspector, asked as its page asks. */
export interface Looking extends AsyncDisposable {
  readonly service: InspectorService;
  get<T>(path: string, headers?: Record<string, string>): Promise<Answer<T>>;
  post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  events(query?: string, headers?: Record<string, string>): Promise<EventReader>;
}

/** Opens the inspector of a mesh. */
export async function lookAt(
  looked: MeshSystem | Inspected,
  { token, secrets = [] }: { readonly token?: string; readonly secrets?: readonly string[] } = {},
): Promise<Looking> {
  const place = { host: "127.0.0.1", port: 0, token };
  const service = await openInspectorService(looked, { ...place, log: silentLog, secrets });
  const ask = async <T>(path: string, init: RequestInit): Promise<Answer<T>> => {
    const response = await fetch(new URL(path, service.url), init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : { text }) as T,
    };
  };
  return {
    service,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body = {}, headers = {}) =>
      ask(path, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    events: async (query = "", headers = {}) => {
      const response = await fetch(new URL(`api/events${query}`, service.url), { headers });
      return readEvents(response);
    },
    [Symbol.asyncDispose]: () => service.close(),
  };
}

/** Reads a stream of events. */
export function readEvents(response: Response): EventReader {
  const chunks = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const seen: HeardEvent[] = [];
  const waiting: HeardEvent[] = [];
  let [text, rest] = ["", ""];
  const more = async (): Promise<void> => {
    const { value, done } = (await chunks?.read()) ?? { value: undefined, done: true };
    if (done || value === undefined) throw new Error(`The stream has ended after: ${text.slice(-2_000)}`);
    text += value;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, data] = /^data: (.*)$/m.exec(block) ?? [];
      const [, id = ""] = /^id: (.*)$/m.exec(block) ?? [];
      if (data === undefined) continue;
      const event = { ...(JSON.parse(data) as InspectorEvent), id };
      seen.push(event);
      waiting.push(event);
    }
  };
  return {
    status: response.status,
    seen,
    get text() {
      return text;
    },
    next: async (type, fits = () => true) => {
      for (;;) {
        const at = waiting.findIndex((event) => event.type === type && fits(event as never));
        const [found] = at < 0 ? [] : waiting.splice(at, 1);
        if (found !== undefined) return found as never;
        await more();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await chunks?.cancel().catch(() => undefined);
    },
  };
}

/** Code as a model answers it. */
export function fenced(code: string): string {
  return `\`\`\`js\n${code}\n\`\`\``;
}
