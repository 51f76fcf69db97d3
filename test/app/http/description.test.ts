// What the service says of itself is true: a valid OpenAPI 3.1 document of every route, and answers that fit it.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { startService, testAgents, type Answer, type TestService } from "./service.ts";

const operationSchema = z.looseObject({
  operationId: z.string().regex(/^[a-z]\w+$/),
  tags: z.array(z.string()).length(1),
  summary: z.string().min(1),
  parameters: z
    .array(
      z.looseObject({ name: z.string(), in: z.enum(["path", "query", "header"]), schema: z.looseObject({}) }),
    )
    .optional(),
  requestBody: z
    .object({ required: z.boolean(), content: z.record(z.string(), z.object({ schema: z.looseObject({}) })) })
    .optional(),
  responses: z.record(
    z.string().regex(/^[1-5]\d\d$/),
    z.object({ description: z.string().min(1), content: z.record(z.string(), z.looseObject({})).optional() }),
  ),
});
const documentSchema = z.looseObject({
  openapi: z.literal("3.1.0"),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(
    z.string().startsWith("/"),
    z.record(z.enum(["get", "post"]), operationSchema).or(z.looseObject({})),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});
type Operation = z.output<typeof operationSchema>;

async function documentOf(service: TestService) {
  const { body } = await service.get("/openapi.json");
  return documentSchema.parse(body);
}

function operationsOf(document: z.output<typeof documentSchema>): readonly [string, string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
      method,
      path,
      operationSchema.parse(operation),
    ]),
  );
}

/** Every `$ref` in a document. */
function refsOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(refsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    key === "$ref" && typeof one === "string" ? [one] : refsOf(one),
  );
}

describe("the description", () => {
  it("is a document whose operations, parameters and references fit together", async () => {
    await using service = await startService(testAgents().agents);
    const document = await documentOf(service);
    const operations = operationsOf(document);
    const ids = operations.map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(20);
    for (const [, path, { parameters = [] }] of operations) {
      const inPath = parameters.filter((one) => one.in === "path").map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
    const known = new Set(
      Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`),
    );
    for (const ref of refsOf(document)) expect(known).toContain(ref);
    expect(known.size).toBeGreaterThan(10);
  });

  it("names every route that is answered, and each answers as it says", async () => {
    await using service = await startService(testAgents().agents);
    await service.post("/v1/tasks", { agent: "echo", task: "go", id: "t1" });
    await service.post("/v1/workflows", { id: "w1", steps: [{ agent: "echo", task: "go" }] });
    const document = await documentOf(service);
    for (const [method, path, { responses, requestBody }] of operationsOf(document)) {
      const address = path
        .replace("{id}", path.startsWith("/v1/workflows") ? "w1" : "t1")
        .replace("{role}", "echo");
      if (path === "/docs" || path.endsWith("/events")) continue;
      const answer: Answer =
        method === "get"
          ? await service.get(address)
          : await service.post(address, requestBody === undefined ? undefined : {});
      expect(Object.keys(responses), `${method} ${path}: ${JSON.stringify(answer.body)}`).toContain(
        String(answer.status),
      );
      const schema =
        responses[String(answer.status)]?.content?.[answer.headers.get("content-type") ?? ""]?.["schema"];
      const form = z.fromJSONSchema(withDefs({ ...(schema as object), $defs: document.components.schemas }));
      expect(form.safeParse(answer.body).error, `${method} ${path}`).toBeUndefined();
    }
  });

  it("says what a task must have, from the very schema that checks it", async () => {
    await using service = await startService(testAgents().agents);
    const { components } = await documentOf(service);
    expect(components.schemas["TaskRequest"]).toMatchObject({
      type: "object",
      required: ["agent", "task"],
      additionalProperties: false,
      properties: {
        budget: { $ref: "#/components/schemas/Budget" },
        profile: { enum: ["coder", "researcher", "communicator"] },
      },
    });
  });
});

/** Named forms where JSON Schema looks for them. */
function withDefs(schema: object): Parameters<typeof z.fromJSONSchema>[0] {
  const text = JSON.stringify(schema).replaceAll("#/components/schemas/", "#/$defs/");
  return JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0];
}

describe("the page to try it", () => {
  it("is one file that loads nothing from elsewhere, and runs no other script", async () => {
    await using service = await startService([], { token: "a-token-that-is-long" });
    const response = await service.app.request("/docs");
    const html = await response.text();
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; connect-src 'self'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'/,
    );
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect((await service.get("/openapi.json")).status).toBe(200);
  });
});
