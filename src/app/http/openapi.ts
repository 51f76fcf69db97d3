// The description of the service as an OpenAPI 3.1 document, made of the routes themselves.
// Invariant: a request is checked against the very schema that stands here; forms with a name stand here once.
import { z } from "zod";
import type { AnswerDoc, Route } from "./route.ts";

/** What any JSON document is made of. */
type Json = Readonly<Record<string, unknown>>;

const PROBLEM = z
  .looseObject({
    type: z.string().meta({ description: "`urn:fettle:problem:` and the code." }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "What was attempted and why not." }),
    code: z
      .string()
      .meta({ description: "What stays the same from version to version, such as `TASK_UNKNOWN`." }),
    retryable: z.boolean().meta({ description: "Whether the same request may succeed later." }),
    requestId: z.string(),
    errors: z
      .array(
        z.object({ pointer: z.string().optional(), parameter: z.string().optional(), detail: z.string() }),
      )
      .optional()
      .meta({ description: "What is wrong with which part of the request." }),
  })
  .meta({ id: "Problem", description: "RFC 9457." });

/** Problems of any request. */
const COMMON: Readonly<Record<number, string>> = {
  400: "The request cannot be read.",
  401: "The token is missing or wrong.",
  404: "There is no such thing.",
  409: "It is in a state that does not allow that.",
  413: "The body is too large.",
  415: "The body is no JSON.",
  422: "The body is not valid.",
  429: "Too many tasks wait: ask again later.",
  500: "A fault of the service.",
  503: "The mesh starts or stops: ask again later.",
};

const SCHEMAS = "#/components/schemas/";

/** Describes routes. */
export function openApiOf(routes: readonly Route[], { version }: { readonly version: string }): Json {
  const schemas: Record<string, unknown> = {};
  const schemaOf = (schema: z.ZodType, io: "input" | "output"): Json => {
    const {
      $schema: _,
      $defs = {},
      ...own
    } = z.toJSONSchema(schema, {
      io,
      unrepresentable: "any",
      reused: "inline",
    }) as Json & { readonly $defs?: Record<string, Json> };
    for (const [name, definition] of Object.entries($defs)) schemas[name] = withRefs(definition);
    return withRefs(own) as Json;
  };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route, schemaOf);
  }
  schemaOf(PROBLEM, "output");
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: {
      title: "Fettle",
      version,
      description: "Agents that write, run and mend their own code: tasks, workflows, approvals.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }, {}],
    tags: [...new Set(routes.map(({ doc }) => doc.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "Needed where the service was started with a token.",
        },
      },
    },
  };
}

type SchemaOf = (schema: z.ZodType, io: "input" | "output") => Json;

function operationOf(route: Route, schemaOf: SchemaOf): Json {
  const { doc, body, bodyOptional = false } = route;
  const problems = [...new Set([...(doc.problems ?? []), ...usualProblems(route)])].sort();
  const told = Object.entries(doc.answers).map(
    ([status, answer]) => [status, answerOf(answer, schemaOf)] as const,
  );
  const known = new Set(Object.keys(doc.answers));
  const refused = problems
    .filter((status) => !known.has(String(status)))
    .map((status) => [
      String(status),
      {
        description: COMMON[status] ?? "A problem.",
        content: { "application/problem+json": { schema: { $ref: `${SCHEMAS}Problem` } } },
      },
    ]);
  const parameters = parametersOf(route, schemaOf);
  return {
    operationId: doc.id,
    tags: [doc.tag],
    summary: doc.summary,
    ...(doc.description === undefined ? {} : { description: doc.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !bodyOptional,
            content: { "application/json": { schema: schemaOf(body, "input") } },
          },
        }),
    responses: Object.fromEntries([...told, ...refused]),
  };
}

function usualProblems({ body, path }: Route): readonly number[] {
  if (!path.startsWith("/v1/")) return [];
  return [400, 401, 500, 503, ...(body === undefined ? [] : [413, 415, 422])];
}

function answerOf({ description, schema, type }: AnswerDoc, schemaOf: SchemaOf): Json {
  if (type !== undefined) return { description, content: { [type]: { schema: { type: "string" } } } };
  if (schema === undefined) return { description };
  return { description, content: { "application/json": { schema: schemaOf(schema, "output") } } };
}

function parametersOf({ path, query, doc }: Route, schemaOf: SchemaOf): readonly Json[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const inPath = names.map((name) => {
    return {
      name,
      in: "path",
      required: true,
      schema: { type: "string", pattern: "^[A-Za-z0-9_-]{1,128}$" },
    };
  });
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...own } = schemaOf(schema as z.ZodType, "input");
    return { name, in: "query", ...(description === undefined ? {} : { description }), schema: own };
  });
  const inHeader = (doc.headers ?? []).map(({ name, description }) => {
    return { name, in: "header", description, schema: { type: "string" } };
  });
  return [...inPath, ...inQuery, ...inHeader];
}

/** Names of forms, from where zod puts them to where OpenAPI has them. */
function withRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withRefs);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      // zod repeats a form's name in the form; a property that is called so is no text.
      .filter(([key, one]) => key !== "id" || typeof one !== "string")
      .map(([key, one]) => [
        key,
        key === "$ref" && typeof one === "string" ? one.replace("#/$defs/", SCHEMAS) : withRefs(one),
      ]),
  );
}
