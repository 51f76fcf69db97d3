// The inspector over HTTP: its page, its data as JSON, its events, and what can be done from it. A Hono app that is
// mounted below a base path of another, whose guard decides who may ask.
// Invariant: reading changes nothing; what changes something is a POST of application/json, so that no form of another
// site can send it.
import { Hono, type Context } from "hono";
import { routePath } from "hono/route";
import { z } from "zod";
import { TASK_STANDINGS } from "../../task-list.ts";
import { jsonAnswer } from "../http/answer.ts";
import { readText } from "../http/body.ts";
import { EVENT_STREAM_HEADERS } from "../http/event-stream.ts";
import { Problem } from "../http/problem.ts";
import { eventStream } from "./event-stream.ts";
import type { Inspector } from "./inspector.ts";
import { PAGE_HEADERS, pageFile } from "./page-files.ts";
import type { Done } from "./shapes.ts";

/** What {@link createInspectorApp} takes. */
export interface InspectorAppOptions {
  /** How often a stream that has nothing to tell says that it is alive, in milliseconds; default 10,000. */
  readonly heartbeatMs?: number | undefined;
  /** Ends all streams. */
  readonly signal?: AbortSignal | undefined;
}

const MOST_STREAMS = 64;
const MAX_BODY_BYTES = 16_384;
/** An approval is called by its task, and a number. */
const NAME = /^[A-Za-z0-9_-]{1,140}$/;
const DEFAULT_REASON = "It was cancelled in the inspector.";

const text = z.string().max(500).optional();
const limit = z.coerce.number().int().min(1).max(200).default(50);
const paging = { query: text, limit, cursor: text };
const actorQuery = z.object({ ...paging, role: text, node: text, state: text });
const taskQuery = z.object({ ...paging, role: text, status: z.enum(TASK_STANDINGS).optional() });
const workflowQuery = z.object(paging);
const eventQuery = z.object({ task: text, workflow: text });
const note = z.object({ note: z.string().max(4_000).optional() });
const reason = z.object({ reason: z.string().max(4_000).optional() });

/** Whether a path below a base is of the page alone, and says nothing of the mesh. */
export function isPagePath(base: string): (path: string) => boolean {
  return (path) => path === base || (path.startsWith(`${base}/`) && !path.startsWith(`${base}/api/`));
}

/** Makes the app; `inspector` is asked for at each request, and may throw a Problem. */
export function createInspectorApp(inspector: () => Inspector, options: InspectorAppOptions = {}): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(PAGE_HEADERS)) c.res.headers.set(name, value);
  });
  addReading(app, inspector);
  addActions(app, inspector);
  app.get("/api/events", (c) => follow(c, inspector(), options));
  app.all("/api/*", (c) => {
    throw new Problem(404, "NOT_FOUND", `The inspector has nothing at ${c.req.path.slice(0, 200)}.`);
  });
  addPage(app);
  return app;
}

function addReading(app: Hono, inspector: () => Inspector): void {
  app.get("/api/mesh", async () => jsonAnswer(await inspector().overview()));
  app.get("/api/charts", async (c) => {
    const built = await pageFile("charts.json", c.req.header("If-None-Match"));
    if (built === null) throw new Problem(404, "NOT_FOUND", "The page was not built: run npm run build.");
    return built;
  });
  app.get("/api/actors", async (c) => {
    const { node, cursor: after, ...question } = readQuery(c, actorQuery);
    return jsonAnswer(await inspector().actors({ ...question, after }, node));
  });
  app.get("/api/tasks", async (c) => {
    const { role, status, ...page } = readQuery(c, taskQuery);
    const fits = (task: { readonly role: string; readonly status: string }) =>
      (role === undefined || task.role === role) && (status === undefined || task.status === status);
    const { rows: tasks, ...rest } = await inspector().tasks({ ...page, fits });
    return jsonAnswer({ tasks, ...rest });
  });
  app.get("/api/tasks/:id", async (c) => jsonAnswer(await inspector().task(nameIn(c, "id"))));
  app.get("/api/workflows", async (c) => {
    const { rows: workflows, ...rest } = await inspector().workflows(readQuery(c, workflowQuery));
    return jsonAnswer({ workflows, ...rest });
  });
  app.get("/api/workflows/:id", async (c) => jsonAnswer(await inspector().workflow(nameIn(c, "id"))));
  app.get("/api/approvals", async () => jsonAnswer(await inspector().approvals()));
}

function addActions(app: Hono, inspector: () => Inspector): void {
  for (const [verb, decision] of [
    ["approve", "approved"],
    ["reject", "rejected"],
  ] as const) {
    app.post(`/api/approvals/:id/${verb}`, async (c) => {
      const { note: told } = await readBody(c, note);
      await inspector().answer(nameIn(c, "id"), decision, told === "" ? undefined : told);
      return done();
    });
  }
  app.post("/api/tasks/:id/cancel", async (c) => {
    const { reason: why = DEFAULT_REASON } = await readBody(c, reason);
    await inspector().cancel(nameIn(c, "id"), why === "" ? DEFAULT_REASON : why);
    return done();
  });
  for (const verb of ["pause", "resume"] as const) {
    app.post(`/api/agents/:role/${verb}`, async (c) => {
      await readBody(c, z.object({}));
      const silent = await inspector().setPaused(nameIn(c, "role"), verb === "pause");
      return done(silent.length === 0 ? null : `These nodes did not answer: ${silent.join(", ")}.`);
    });
  }
}

function addPage(app: Hono): void {
  // Relative addresses of the page need the slash at the end.
  app.get("/", (c) => c.redirect(`${c.req.path}/`, 308));
  app.get("/*", async (c) => {
    const name = c.req.path.slice(routePath(c).length - 1);
    const found = await pageFile(name === "" ? "index.html" : name, c.req.header("if-none-match"));
    if (found !== null) return found;
    throw new Problem(404, "NOT_FOUND", "The inspector's page has no such file.");
  });
}

async function follow(
  c: Context,
  inspector: Inspector,
  { heartbeatMs = 10_000, signal }: InspectorAppOptions,
): Promise<Response> {
  const { task, workflow } = readQuery(c, eventQuery);
  // Nothing reads it, so that nothing would end it.
  if (c.req.method === "HEAD") return new Response(null, { headers: EVENT_STREAM_HEADERS });
  if (inspector.streams >= MOST_STREAMS) {
    const detail = `${MOST_STREAMS} readers follow the mesh already; close some of their pages.`;
    throw new Problem(503, "QUEUE_FULL", detail, { retryable: true });
  }
  const interest = { taskId: nameOrNull(task, "task"), workflowId: nameOrNull(workflow, "workflow") };
  const leave = await inspector.follow(interest);
  const lastId = c.req.header("last-event-id");
  const { hub } = inspector;
  const gone = new AbortController();
  const end = () => gone.abort();
  c.req.raw.signal.addEventListener("abort", end, { once: true });
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted === true || c.req.raw.signal.aborted) end();
  gone.signal.addEventListener("abort", leave, { once: true });
  const stream = eventStream({
    hub,
    reader: hub.read(interest, lastId),
    latest: () => inspector.latest,
    isNew: lastId === undefined,
    heartbeatMs,
    signal: gone.signal,
    ended: () => {
      signal?.removeEventListener("abort", end);
      leave();
    },
  });
  return new Response(stream, { headers: EVENT_STREAM_HEADERS });
}

function readQuery<S extends z.ZodType>(c: Context, schema: S): z.output<S> {
  const parsed = schema.safeParse(c.req.query());
  if (parsed.success) return parsed.data;
  const told = parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`);
  throw new Problem(400, "PARAMETER_INVALID", `The address is not valid (${told.join("; ")}).`);
}

async function readBody<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new Problem(415, "MEDIA_TYPE_UNSUPPORTED", "The body must be application/json.");
  }
  const body = await readText(c.req.raw, MAX_BODY_BYTES);
  let json: unknown;
  try {
    json = JSON.parse(body.trim() === "" ? "{}" : body);
  } catch {
    throw new Problem(400, "BODY_MALFORMED", "The body is no JSON.");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const told = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new Problem(422, "REQUEST_INVALID", `The body is not valid (${told.join("; ")}).`);
}

function nameIn(c: Context, part: "id" | "role"): string {
  const name = c.req.param(part) ?? "";
  if (NAME.test(name)) return name;
  throw new Problem(404, "NOT_FOUND", `Nothing can be called ${JSON.stringify(name.slice(0, 200))}.`);
}

function nameOrNull(name: string | undefined, parameter: string): string | null {
  if (name === undefined || name === "") return null;
  if (NAME.test(name)) return name;
  throw new Problem(400, "PARAMETER_INVALID", `${parameter}: it is no name.`);
}

function done(message: string | null = null): Response {
  const body: Done = { done: true, note: message };
  return jsonAnswer(body);
}
