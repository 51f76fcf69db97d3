// A node of its own process for the benchmark: says when it serves and when all its tasks are under way, ends on a line of
// its input. Arguments: the server, the mesh, how long its model thinks in milliseconds (`never` for ever), its tasks at once.
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { defineAgent } from "fettle";
import { createInstantModel } from "../durable/work.mjs";
import { ROLE } from "../durable/fettle.mjs";
import { openNode } from "./contenders.mjs";

const [url, mesh, thinking, atOnce] = process.argv.slice(2);
const instant = createInstantModel();
let asked = 0;
const model = {
  name: instant.name,
  ask: async (request) => {
    asked += 1;
    console.log(`asked ${asked}`);
    if (thinking === "never") return new Promise(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, Number(thinking)));
    return instant.ask(request);
  },
};
const concurrency = Number(atOnce);
const agent = defineAgent({ role: ROLE, capabilities: ["x"], systemPrompt: "Work.", concurrency });
const { close } = await openNode(url, { mesh, agents: [agent], model, concurrency });
console.log("serves");
await once(createInterface({ input: process.stdin }), "line");
await close({ mode: "cancel" });
process.exit(0);
