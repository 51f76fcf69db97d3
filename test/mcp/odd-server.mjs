// An MCP server that does what servers should not, written line by line and without any library: by its first argument it
// misbehaves when it starts, and each of its tools misbehaves in a way of its own.
import { createInterface } from "node:readline";

const [manner = "plain", detail = ""] = process.argv.slice(2);
const object = (properties = {}, required = []) => ({ type: "object", properties, required });
const cancelled = [];
let pages = 1;

const tools = {
  pid: { answer: () => text(String(process.pid)) },
  env: { answer: () => text(JSON.stringify(process.env)) },
  meta: { answer: ({ _meta }) => text(JSON.stringify(_meta)) },
  die: {
    answer: () => {
      process.stderr.write("out of luck, token=hunter2-secret\n", () => process.exit(3));
    },
  },
  mutter: {
    answer: () =>
      new Promise((resolve) => process.stderr.write("m".repeat(1_000_000), () => resolve(text("said")))),
  },
  silent: { answer: () => undefined },
  cancelled: { answer: () => text(String(cancelled.length)) },
  slow: {
    input: object({ steps: { type: "integer", format: "uint32" } }),
    answer: async ({ arguments: { steps }, _meta }) => {
      for (let step = 1; step <= steps; step += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const params = { progressToken: _meta.progressToken, progress: step, total: steps };
        send({ method: "notifications/progress", params });
      }
      return text("done at last");
    },
  },
  big: {
    input: object({ bytes: { type: "integer" } }),
    answer: ({ arguments: { bytes } }) => text("x".repeat(bytes)),
  },
  wrong: {
    output: object({ n: { type: "number" } }, ["n"]),
    answer: () => ({ content: [], structuredContent: { n: "1" } }),
  },
  absent: { output: object({ n: { type: "number" } }, ["n"]), answer: () => text("no structure") },
  refused: { answer: () => ({ ...text("the disk is full"), isError: true }) },
  lines: { answer: () => ({ content: [...text("one").content, ...text("two").content] }) },
  grow: {
    answer: () => {
      tools.grown = { answer: () => text("grown") };
      send({ method: "notifications/tools/list_changed" });
      return text("grown by one");
    },
  },
  context: { answer: () => text("a name that guests have") },
  "2-fold.name": { answer: () => text("a name that is no identifier") },
};

if (manner === "schema") tools.bad = { input: object({ a: { type: "strin" } }), answer: () => text("") };
if (manner === "clash") Object.assign(tools, { "read-file": tools.pid, read_file: tools.pid });
if (manner === "many") for (let n = 0; n < 2000; n += 1) tools[`tool_${n}`] = { ...tools.pid };
if (manner === "pages") pages = 3;
if (manner === "none") for (const name of Object.keys(tools)) delete tools[name];
if (manner === "ends") {
  process.stderr.write(`cannot read ${detail}\n`, () => process.exit(1));
}
if (manner === "garbage") process.stdout.write("Welcome to the server!\nPress any key.\n");

function text(value) {
  return { content: [{ type: "text", text: value }] };
}

function send(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
}

function list(cursor = "0") {
  const all = Object.entries(tools).map(([name, { input = object(), output, annotations }]) => ({
    name,
    description: `Does ${name}.`,
    inputSchema: input,
    ...(output === undefined ? {} : { outputSchema: output }),
    ...(annotations === undefined ? {} : { annotations }),
  }));
  const size = Math.ceil(all.length / pages);
  const page = Number(cursor);
  const next = page + 1 < pages ? { nextCursor: String(page + 1) } : {};
  return { tools: all.slice(page * size, (page + 1) * size), ...next };
}

const methods = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: { listChanged: true } },
    serverInfo: { name: "odd", version: "1" },
  }),
  "tools/list": ({ cursor } = {}) => list(cursor),
  "tools/call": (params) => tools[params.name].answer({ arguments: {}, ...params }),
  ping: () => ({}),
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, method, params } = JSON.parse(line);
    if (method === "notifications/cancelled") cancelled.push(params.requestId);
    if (id === undefined || manner === "hangs" || manner === "garbage") return;
    const answer = methods[method];
    if (answer === undefined) return send({ id, error: { code: -32601, message: `no ${method}` } });
    const result = await answer(params);
    if (result !== undefined) send({ id, result });
  })
  .on("close", () => process.exit(0));
