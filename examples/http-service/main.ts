// A calculator as an HTTP service. Run as it is, it asks itself a few questions and ends; with `--stay` it serves until
// Ctrl-C: fettle run examples/http-service/main.ts (or node, deno) and then, in another shell,
//   curl http://127.0.0.1:8080/calculate -H "Content-Type: application/json" -d '{"expression": "2 ** 10"}'
import assert from "node:assert/strict";
import { once } from "node:events";
import { Mesh } from "fettle";
import { httpPlace, openHttpServer } from "fettle/http";
import { exampleModel } from "../model.ts";
import { calculator } from "./agents.ts";
import { createService } from "./service.ts";

const stays = process.argv.includes("--stay");
const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(calculator);
await mesh.start();

const ending = new AbortController();
const place = httpPlace({ host: "127.0.0.1", port: stays ? 8080 : 0, token: undefined });
const app = createService(mesh, { hosts: place.hosts, signal: ending.signal });
const server = await openHttpServer(app.fetch, place);
console.log(`Listens at ${server.url.replace(/\d+$/, stays ? "$&" : "…")}`);

if (stays) await once(process, "SIGINT");
else await ask(server.url);

ending.abort(); // Not ready any more: what waits is answered.
await server.close({ graceMs: 10_000 });
await mesh.stop();

async function ask(url: string): Promise<void> {
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  const first = await post("/calculate", { expression: "2 ** 10 + 5" });
  console.log(`2 ** 10 + 5 = ${String(first.body["result"])}, by the code:\n${String(first.body["code"])}`);
  assert.deepEqual([first.status, first.body["result"]], [200, 1029]);

  const second = await post("/calculate", { problem: "What is the 20th Fibonacci number?" });
  console.log(`The 20th Fibonacci number is ${String(second.body["result"])}`);
  assert.equal(second.body["result"], 6765);

  const wrong = await post("/calculate", { expresion: "1 + 1" });
  console.log(`A mistake is answered ${wrong.status}: ${String(wrong.body["error"])}`);
  assert.equal(wrong.status, 422);

  // The same task over the API: accepted at once, and its result fetched when it is there.
  const task = { agent: "calculator", task: "What is the 20th Fibonacci number?", id: "fibonacci" };
  const asked = await post("/v1/tasks", task, { Prefer: "wait=20" });
  const result = await (await fetch(`${url}/v1/tasks/fibonacci/result?wait=20`)).json();
  console.log(`Over the API: ${asked.status}, result ${String((result as { output: unknown }).output)}`);
  assert.equal((result as { output: unknown }).output, 6765);

  const { status } = await fetch(`${url}/ready`);
  console.log(`Ready: ${status}. To try it by hand: --stay, and the page at /docs`);
}
