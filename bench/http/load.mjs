// Clients of the HTTP service, in a process of their own: so many connections, each with one request after the other.
// Usage: load.mjs URL CONNECTIONS REQUESTS AGENT. Prints { samples, ends, lost } as JSON: each request's time, when it was
// answered, both in milliseconds (the latter since 1970), and how many were not answered as they should be.
import { Buffer } from "node:buffer";
import { Agent, request } from "node:http";
import process from "node:process";

const [url = "", connections = "1", requests = "1", agent = ""] = process.argv.slice(2);
const keepAlive = new Agent({ keepAlive: true, maxSockets: Number(connections) });
const body = JSON.stringify({ agent, task: "Do the plain work." });
const headers = {
  "Content-Type": "application/json",
  "Content-Length": Buffer.byteLength(body),
  Prefer: "wait=120",
};

/** One request; whether its task succeeded. */
function ask() {
  return new Promise((resolve) => {
    const sent = request(`${url}/v1/tasks`, { method: "POST", agent: keepAlive, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part));
      response.on("end", () => resolve(response.statusCode === 200 && JSON.parse(text).status === "success"));
      response.on("error", () => resolve(false));
    });
    sent.on("error", () => resolve(false));
    sent.end(body);
  });
}

const samples = [];
const ends = [];
let left = Number(requests);
let lost = 0;
await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    while (left > 0) {
      left -= 1;
      const begun = performance.now();
      if (!(await ask())) lost += 1;
      const ended = performance.now();
      samples.push(ended - begun);
      ends.push(performance.timeOrigin + ended);
    }
  }),
);
keepAlive.destroy();
console.log(JSON.stringify({ samples, ends, lost }));
