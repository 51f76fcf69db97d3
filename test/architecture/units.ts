// The plan of the house: which unit a file belongs to, on which floor, and what the unit may use.
// Invariant: imports go downwards only. To change the plan, change this table, and say why in docs/architecture.md.

/** A part of the source that may be used only from above. */
export interface Unit {
  readonly name: string;
  readonly floor: number;
  /** What the unit is for, as told to somebody who broke a rule. */
  readonly purpose: string;
  /** The npm packages that it may import; those after `type:` as types only. */
  readonly packages: readonly string[];
  /** Whether the build puts its packages into a bundle: then nobody installs them. */
  readonly bundled?: boolean;
  /** Whether it may import `node:` modules. */
  readonly node: boolean;
  /** The only units that it may import, where that is less than all floors below. */
  readonly only?: readonly string[];
}

const CORE: Unit = {
  name: "src/core",
  floor: 0,
  purpose: "pure: no I/O, no environment, contracts and values only",
  packages: ["zod", "type:@standard-schema/spec"],
  node: false,
};

const FOLDERS: readonly Unit[] = [
  CORE,
  {
    name: "src/fabric",
    floor: 1,
    purpose: "adapters of the fabric ports",
    packages: ["@aws-sdk/client-s3", "@aws-sdk/lib-storage", "@azure/storage-blob", "lmdb", "nats", "zod"],
    node: true,
  },
  {
    name: "src/model",
    floor: 1,
    purpose: "language models behind one port",
    packages: ["@anthropic-ai/sdk", "openai", "zod"],
    node: true,
  },
  {
    name: "src/sandbox",
    floor: 1,
    purpose: "runs untrusted code",
    packages: ["acorn", "@sveltejs/acorn-typescript", "quickjs-emscripten", "quickjs-emscripten-core", "zod"],
    node: true,
  },
  {
    name: "src/observe",
    floor: 1,
    purpose: "logs, metrics, traces",
    packages: ["@opentelemetry/api", "pino", "pino-pretty", "prom-client", "zod"],
    node: true,
  },
  {
    name: "src/mcp",
    floor: 1,
    purpose: "tools from MCP servers",
    packages: ["@modelcontextprotocol/client"],
    node: true,
  },
  {
    name: "machines",
    floor: 2,
    purpose: "statecharts whose effects are slots",
    packages: ["xstate"],
    node: false,
    only: ["src/core"],
  },
  {
    name: "actors",
    floor: 3,
    purpose: "binds the charts' slots to ports, supervises, recovers",
    packages: ["xstate", "zod"],
    node: true,
  },
  {
    name: "src/app/inspector/page",
    floor: 6,
    purpose: "the inspector's page, which runs in a browser",
    packages: ["diff", "highlight.js", "preact"],
    bundled: true,
    node: false,
  },
  {
    name: "src/app",
    floor: 5,
    purpose: "the program: settings, command line, pages",
    packages: [
      "@hono/node-server",
      "@modelcontextprotocol/server",
      "@opentelemetry/api",
      "@opentelemetry/context-async-hooks",
      "@opentelemetry/exporter-metrics-otlp-http",
      "@opentelemetry/exporter-trace-otlp-http",
      "@opentelemetry/resources",
      "@opentelemetry/sdk-metrics",
      "@opentelemetry/sdk-trace-base",
      "@statelyai/inspect",
      "commander",
      "dotenv",
      "elkjs",
      "hono",
      "jiti",
      "picocolors",
      "semver",
      "type:xstate",
      "ws",
      "yaml",
      "zod",
    ],
    node: true,
  },
];

const SERVICES: Unit = {
  name: "src/*.ts",
  floor: 2,
  purpose: "services on ports, one file each",
  packages: ["acorn", "@sveltejs/acorn-typescript", "zod"],
  node: true,
  only: ["src/core"],
};

const MESH: Unit = {
  name: "src/mesh.ts",
  floor: 4,
  purpose: "the system: spawn, route, stop",
  packages: ["xstate", "zod"],
  node: true,
};

const ENTRIES: Unit = {
  name: "entry points",
  floor: 6,
  purpose: "what the package exports, by name",
  packages: ["xstate"],
  node: false,
};

/** Files that programs import; all else is inside. Only these may pass on what other files export. */
export const ENTRY_POINTS: readonly string[] = [
  "src/index.ts",
  "src/sandbox.ts",
  "src/testing.ts",
  "src/machines.ts",
  "src/http.ts",
];

/** Inner files that may pass on what others export all the same, each for a reason that its own opening tells. */
export const SEAMS: readonly string[] = ["src/sandbox/guest/codec.ts"];

/** The one file that may read the environment. */
export const ENVIRONMENT_READER = "src/app/config.ts";

/** The unit of a file, by its path from the project's root; undefined where the plan has no place for it. */
export function unitOf(path: string): Unit | undefined {
  if (ENTRY_POINTS.includes(path)) return ENTRIES;
  if (path === "src/mesh.ts") return MESH;
  if (/^src\/[^/]+$/.test(path)) return SERVICES;
  return FOLDERS.find(({ name }) => path.startsWith(`${name}/`));
}
