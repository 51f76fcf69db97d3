// A client of the Synadia Agent Protocol 0.3, written from the protocol's document on the npm package `nats` alone. It is
// strict: an answer that breaks a rule of the protocol is an error here, whatever the test looks for.
import { createInbox, headers, type Msg, type NatsConnection } from "nats";

/** An agent as discovery shows it. */
export interface FoundAgent {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly {
    readonly name: string;
    readonly subject: string;
    readonly queue_group: string;
    readonly metadata?: Readonly<Record<string, string>>;
  }[];
}

/** What a prompt was answered with. */
export interface Answer {
  /** The first message's headers; null where it has none. */
  readonly first: Msg["headers"] | null;
  readonly chunks: readonly { readonly type: string; readonly data: unknown }[];
  /** All response texts put together. */
  readonly text: string;
  readonly statuses: readonly string[];
  readonly error: {
    readonly code: number;
    readonly description: string;
    readonly body: Record<string, unknown> | null;
  } | null;
}

/** How a prompt is sent. */
export interface PromptOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers the agent's questions; what it gives is sent, null for no answer. */
  readonly onQuery?: (prompt: string, id: string) => string | null | Promise<string | null>;
  readonly onChunk?: (chunk: { readonly type: string; readonly data: unknown }) => void;
}

/** The agents of an owner, once so many have answered. */
export async function discover(client: NatsConnection, owner: string, count = 1): Promise<FoundAgent[]> {
  const found: FoundAgent[] = [];
  const inbox = createInbox();
  const subscription = client.subscribe(inbox);
  const timer = setTimeout(() => subscription.unsubscribe(), 10_000);
  client.publish("$SRV.INFO.agents", "", { reply: inbox });
  for await (const message of subscription) {
    const agent = JSON.parse(message.string()) as FoundAgent;
    if (agent.metadata["owner"] === owner) found.push(agent);
    if (found.length === count) break;
  }
  clearTimeout(timer);
  return found;
}

/** An agent's endpoint. */
export function endpointOf(agent: FoundAgent, name: string): FoundAgent["endpoints"][number] {
  const endpoint = agent.endpoints.find((one) => one.name === name);
  if (endpoint === undefined) throw new Error(`the agent has no endpoint "${name}"`);
  return endpoint;
}

/** Prompts a subject and reads the whole answer. */
export async function promptAt(
  client: NatsConnection,
  subject: string,
  payload: string | Uint8Array,
  options: PromptOptions = {},
): Promise<Answer> {
  const inbox = createInbox();
  const messages = client.subscribe(inbox);
  const given = headers();
  for (const [name, value] of Object.entries(options.headers ?? {})) given.set(name, value);
  client.publish(subject, payload, {
    reply: inbox,
    ...(options.headers === undefined ? {} : { headers: given }),
  });
  const chunks: { type: string; data: unknown }[] = [];
  let error: Answer["error"] = null;
  let first: Msg["headers"] | null | undefined;
  for await (const message of messages) {
    first ??= message.headers ?? null;
    const code = message.headers?.get("Nats-Service-Error-Code") ?? "";
    if (message.data.length === 0 && message.headers === undefined) break;
    if (error !== null) throw new Error(`after an error comes the end, not ${message.string()}`);
    if (code !== "") {
      const body = message.data.length === 0 ? null : message.json<Record<string, unknown>>();
      const description = message.headers?.get("Nats-Service-Error") ?? "";
      if (![400, 401, 403, 404, 409, 429, 500].includes(Number(code)))
        throw new Error(`no such code: ${code}`);
      error = { code: Number(code), description, body };
      continue;
    }
    const chunk = JSON.parse(message.string()) as { type: string; data: unknown };
    if ((chunks.length === 0) !== isAcknowledgement(chunk))
      throw new Error("one acknowledgement comes, and it comes first");
    chunks.push(chunk);
    options.onChunk?.(chunk);
    if (chunk.type === "query") {
      const query = chunk.data as { id: string; reply_subject: string; prompt: string };
      const said = await options.onQuery?.(query.prompt, query.id);
      if (typeof said === "string") client.publish(query.reply_subject, said);
    }
  }
  const responses = chunks.filter(({ type }) => type === "response");
  return {
    first: first ?? null,
    chunks,
    text: responses.map(({ data }) => data as string).join(""),
    statuses: chunks.filter(({ type }) => type === "status").map(({ data }) => data as string),
    error,
  };
}

function isAcknowledgement({ type, data }: { type: string; data: unknown }): boolean {
  return type === "status" && data === "ack";
}
