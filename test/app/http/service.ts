// The HTTP service over a mesh in memory, asked without a network.
import { defineAgent, type AgentDefinition } from "fettle";
import { createHttpApp, type HttpAppOptions } from "fettle/http";
import { TestMesh, type TestMeshOptions } from "fettle/testing";
import { defer, type Deferred } from "#src/core/deferred";

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A service whose mesh has started. */
export interface TestService extends AsyncDisposable {
  readonly mesh: TestMesh;
  readonly app: ReturnType<typeof createHttpApp>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Begins the end of the service. */
  end(): void;
}

/** `echo` gives its task back; `held` waits until the test lets it go; `failing` fails. */
export function testAgents(): {
  readonly agents: readonly AgentDefinition[];
  readonly held: Deferred<unknown>;
} {
  const held = defer<unknown>();
  const agents = [
    defineAgent({
      role: "echo",
      capabilities: ["echoing"],
      handle: (message) => "task" in message && message.task,
    }),
    defineAgent({ role: "held", capabilities: ["holding"], handle: () => held.promise }),
    defineAgent({
      role: "failing",
      capabilities: ["failing"],
      handle: () => {
        throw new RangeError("too far");
      },
    }),
  ];
  return { agents, held };
}

/** Starts a mesh and its service. */
export async function startService(
  agents: readonly AgentDefinition[],
  { mesh: meshOptions, ...options }: HttpAppOptions & { readonly mesh?: TestMeshOptions } = {},
): Promise<TestService> {
  const mesh = new TestMesh(meshOptions);
  for (const agent of agents) mesh.add(agent);
  await mesh.start();
  const ending = new AbortController();
  const app = createHttpApp(mesh, { signal: ending.signal, ...options });
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await app.request(path, init);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? {} : (JSON.parse(text) as Answer["body"]),
    };
  };
  return {
    mesh,
    app,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body, headers = {}) =>
      ask(path, {
        method: "POST",
        headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    end: () => ending.abort(),
    [Symbol.asyncDispose]: () => mesh.stop({ mode: "cancel" }),
  };
}
