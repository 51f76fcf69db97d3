// What is seen from outside of the processes that are killed: a model server that speaks OpenAI's wire format, and the
// door that every recording tool knocks at before it acts.
// Invariant: an answer is a pure function of the request, and carries the request's hash, so that a journal tells
// which requests it holds the answers of; who asks is known by the path, `/<run>/<life>/…`.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

/** Answers come after so long at most, so that kills find calls in flight; milliseconds. */
const LONGEST_DELAY_MS = 12;
const HASH = /request ([0-9a-f]{16})/g;

/** The hashes of the requests that a text tells of. */
export function requestsIn(text) {
  return [...text.matchAll(HASH)].map(([, hash]) => hash);
}

/** Begins to listen on a free port of 127.0.0.1. */
export async function openWitness() {
  /** Runs by name: their calls, and what tells their owner that something happened. */
  const runs = new Map();
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const [, name = "", life = "", ...rest] = (request.url ?? "").split("/");
    const run = runs.get(name);
    const body = text === "" ? {} : JSON.parse(text);
    if (run === undefined) {
      response.writeHead(410).end();
      return;
    }
    const where = { life: Number(life), at: Date.now() };
    if (rest[0] === "tool") {
      run.calls.push({ kind: "tool", ...where, ...body });
      await delay(body.callId);
      response.end("{}");
    } else if (rest[0] === "told") {
      run.told(body, where.life);
      response.end("{}");
    } else {
      await answer(run, where, body, response);
    }
  });
  server.keepAliveTimeout = 120_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    /** Begins to record a run; `answer` gives the model's text, `told` hears what the processes tell. */
    record(name, { answer, told }) {
      const calls = [];
      runs.set(name, { calls, answer, told });
      return { calls, url: (life) => `${url}/${name}/${life}`, end: () => runs.delete(name) };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(run, where, body, response) {
  const content = body.messages.map(({ role, content }) => [role, content]);
  const hash = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
  const [, task = ""] = content.find(([role]) => role === "user") ?? [];
  const repair = content.filter(([role]) => role === "assistant").length;
  run.calls.push({ kind: "model", ...where, hash, task: task.slice(0, 80), repair });
  await delay(hash);
  const code = run.answer({ task, repair });
  if (code === null) {
    response.writeHead(400, { "content-type": "application/json" });
    const message = `The model refuses request ${hash}.`;
    response.end(
      JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code: null } }),
    );
    return;
  }
  const text =
    code.prose !== undefined
      ? `${code.prose}\n\n<!-- request ${hash} -->`
      : `\`\`\`js\n// request ${hash}\n${code}\n\`\`\``;
  const size = parseInt(hash.slice(0, 2), 16);
  const usage = { prompt_tokens: 100 + size, completion_tokens: 10 + size, total_tokens: 110 + 2 * size };
  const chunk = (data) =>
    `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: body.model, ...data })}\n\n`;
  const choice = (delta, finish_reason = null) => chunk({ choices: [{ index: 0, delta, finish_reason }] });
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(choice({ role: "assistant", content: "" }));
  response.write(choice({ content: text.slice(0, text.length / 2) }));
  await delay(hash.slice(2));
  response.write(choice({ content: text.slice(text.length / 2) }));
  response.write(choice({}, "stop"));
  response.end(`${chunk({ choices: [], usage })}data: [DONE]\n\n`);
}

/** A time that depends on a text alone. */
function delay(text = "") {
  const [first = 0] = createHash("sha256").update(text).digest();
  return new Promise((resolve) => setTimeout(resolve, (first / 255) * LONGEST_DELAY_MS));
}
