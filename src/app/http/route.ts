// A route: what it answers to, what it takes and gives, and what does it; the server and its description are made of these.
// Invariant: what a route says of its requests is what they are checked against.
import type { Context } from "hono";
import { z } from "zod";
import type { Log } from "../../core/log.ts";
import { isName } from "../../core/names.ts";
import type { MeshSystem } from "../../mesh.ts";
import { readText } from "./body.ts";
import type { Closing } from "./closing.ts";
import { Problem, type PartProblem } from "./problem.ts";
import type { WaitBounds } from "./waiting.ts";

/** What routes serve. */
export interface Service {
  readonly mesh: MeshSystem;
  readonly log: Log;
  readonly closing: Closing;
  readonly wait: WaitBounds;
  /** How often a stream that has nothing to tell says that it is alive, in milliseconds. */
  readonly heartbeatMs: number;
  /** The largest body that is read. */
  readonly maxBodyBytes: number;
}

/** What a route is given: what was checked, and the request as it came. */
export interface Call<Body = unknown, Query = unknown> {
  readonly service: Service;
  /** The name in the path; "" where the path has none. */
  readonly name: string;
  readonly body: Body;
  readonly query: Query;
  readonly requestId: string;
  readonly context: Context;
}

/** An answer as it is described. */
export interface AnswerDoc {
  readonly description: string;
  /** What it holds: JSON of this form; nothing where absent. */
  readonly schema?: z.ZodType;
  /** Its media type, where it is no JSON. */
  readonly type?: string;
}

/** A route as it is described. */
export interface RouteDoc {
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** Problems that it may give, besides those of any request. */
  readonly problems?: readonly number[];
  /** Headers that it reads. */
  readonly headers?: readonly { readonly name: string; readonly description: string }[];
}

/** What is asked for, and what answers it. */
export interface Route<Body extends z.ZodType = z.ZodType, Query extends z.ZodObject = z.ZodObject> {
  readonly method: "GET" | "POST";
  /** As OpenAPI writes it: `/v1/tasks/{id}`. */
  readonly path: string;
  /** The form of a body of JSON; none is taken where absent. */
  readonly body?: Body;
  /** Whether the body may be left out. */
  readonly bodyOptional?: boolean;
  readonly query?: Query;
  readonly doc: RouteDoc;
  readonly handle: (call: Call<z.output<Body>, z.output<Query>>) => Promise<Response> | Response;
}

/** A route whose handler knows the types of what it is given. */
export function defineRoute<Body extends z.ZodType = z.ZodUndefined, Query extends z.ZodObject = z.ZodObject>(
  route: Route<Body, Query>,
): Route {
  return route;
}

/** Reads and checks a request. @throws Problem */
export async function readCall(route: Route, context: Context, service: Service): Promise<Call> {
  const name = context.req.param("id") ?? context.req.param("role") ?? "";
  if (route.path.includes("{") && !isName(name)) {
    throw new Problem(
      404,
      "NOT_FOUND",
      `Nothing can be called ${JSON.stringify(String(name).slice(0, 200))}.`,
    );
  }
  return {
    service,
    name,
    query: readQuery(route, context),
    body: route.body === undefined ? undefined : await readBody(route, context, service),
    requestId: context.get("requestId") as string,
    context,
  };
}

function readQuery({ query = z.object({}) }: Route, { req }: Context): unknown {
  const parsed = query.safeParse(req.query());
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue): PartProblem[] => {
    if (issue.code !== "unrecognized_keys")
      return [{ parameter: String(issue.path[0]), detail: issue.message }];
    const detail = `there is no such parameter; known are: ${Object.keys(query.shape).join(", ") || "none"}`;
    return issue.keys.map((parameter) => ({ parameter, detail }));
  });
  const told = errors.map(({ parameter = "", detail }) => `${parameter}: ${detail}`).join("; ");
  throw new Problem(400, "PARAMETER_INVALID", `The address is not valid (${told}).`, { errors });
}

async function readBody(
  { body = z.unknown(), bodyOptional }: Route,
  { req }: Context,
  { maxBodyBytes }: Service,
): Promise<unknown> {
  const text = await readText(req.raw, maxBodyBytes);
  if (text.trim() === "" && bodyOptional === true) return body.parse({});
  const type = req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json" && !/^application\/[\w.-]+\+json$/.test(type ?? "")) {
    const given =
      type === undefined ? "it names no media type" : `it is ${JSON.stringify(type.slice(0, 100))}`;
    const detail = `The body must be application/json; ${given}.`;
    throw new Problem(415, "MEDIA_TYPE_UNSUPPORTED", detail, { headers: { Accept: "application/json" } });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new Problem(400, "BODY_MALFORMED", `The body is no JSON: ${(thrown as Error).message}.`);
  }
  const parsed = body.safeParse(json);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue): PartProblem[] => {
    if (issue.code !== "unrecognized_keys")
      return [{ pointer: pointerOf(issue.path), detail: issue.message }];
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      detail: "there is no such name here",
    }));
  });
  const told = errors.map(({ pointer = "", detail }) => (pointer === "" ? detail : `${pointer}: ${detail}`));
  throw new Problem(422, "REQUEST_INVALID", `The body is not valid (${told.join("; ")}).`, { errors });
}

/** A path as a JSON Pointer (RFC 6901). */
function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
