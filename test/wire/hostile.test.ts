// What clients send that is wrong, whether by mistake or on purpose: it is their own error, and the node goes on.
import { connect as openSocket } from "node:net";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import type { Log } from "#src/core/log";
import { silentLog } from "#src/core/log";
import { startNatsServer } from "../harness/nats-server.ts";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { errorCode, jsonOf, openDesk, resultOf, type Desk } from "./desk.ts";

const server = serverForTests();
const echo = defineAgent({
  role: "echo",
  capabilities: ["repeat"],
  limits: { contextBytes: 4_096 },
  handle: (message) =>
    message.type === "task" ? { said: message.task, keys: Object.keys(message.context) } : null,
});

/** A log that keeps what is told as a fault. */
function faultLog(): { readonly log: Log; readonly faults: unknown[] } {
  const faults: unknown[] = [];
  return {
    faults,
    log: { ...silentLog, error: (fields, message) => void faults.push({ ...fields, message }) },
  };
}

/** Speaks the servers' own protocol, as no library would let a client do. */
async function sendRaw(desk: Desk, lines: readonly string[]): Promise<void> {
  const { hostname, port } = new URL(server.get().url);
  const socket = openSocket(Number(port), hostname);
  const done = new Promise<void>((resolve, reject) => {
    let heard = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      heard += text;
      if (heard.includes("PONG")) resolve();
    });
    socket.on("error", reject);
  });
  socket.write(`CONNECT {"verbose":false,"headers":true}\r\n${lines.join("")}PING\r\n`);
  await done;
  socket.destroy();
  await desk.client.flush();
}

function hpub(subject: string, head: string, body: string): string {
  const headBytes = Buffer.byteLength(head);
  return `HPUB ${subject} _INBOX.nobody ${headBytes} ${headBytes + Buffer.byteLength(body)}\r\n${head}${body}\r\n`;
}

describe("a node", () => {
  it("answers as ever after requests and submits with broken headers", async () => {
    const { log, faults } = faultLog();
    await using desk = await openDesk(server.get(), [echo], { log });
    const heads = [
      "NATS/1.0\r\n\r\n",
      "NATS/1.0\r\n: no name\r\n\r\n",
      "NATS/1.0\r\nFettle-Task-Id\r\n\r\n",
      "NATS/1.0\r\nb\u0000d\u0001: \u0002\r\n\r\n",
      "NATS/1.0 999 Strange\r\n\r\n",
      "NATS/1.0\r\n__proto__: x\r\nconstructor: y\r\n\r\n",
      "not a header at all\r\n\r\n",
      `NATS/1.0\r\n${"Fettle-Task-Id: a\r\n".repeat(500)}\r\n`,
    ];
    const subjects = [`fettle.${desk.name}.task.echo`, `fettle.${desk.name}.queue.task.echo`];
    await sendRaw(
      desk,
      subjects.flatMap((subject) => heads.map((head) => hpub(subject, head, "x"))),
    );
    expect(jsonOf(await desk.ask("echo", "still there"))).toMatchObject({ output: { said: "still there" } });
    expect(faults).toEqual([]);
  });

  it("takes no harm from any bytes", async () => {
    const { log, faults } = faultLog();
    await using desk = await openDesk(server.get(), [echo], { log });
    let seed = 7;
    const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648);
    const starts = [
      "",
      "{",
      "[",
      '{"task":',
      '{"task":"x","context":',
      '{"accepted":',
      "\u0000",
      '{"task":"x"} ',
    ];
    const payloads = Array.from({ length: 200 }, () => {
      const start = Buffer.from(starts[random() % starts.length] ?? "");
      return Buffer.concat([start, Buffer.from(Array.from({ length: random() % 40 }, () => random() % 256))]);
    });
    for (const payload of payloads) {
      const answer = await desk.ask("echo", payload);
      const code = errorCode(answer);
      if (code !== null) expect(code).toBe(400);
      else expect(jsonOf(answer)).toMatchObject({ status: "success" });
    }
    const js = desk.client.jetstream();
    for (const payload of payloads.slice(0, 50))
      await js.publish(`fettle.${desk.name}.queue.task.echo`, payload);
    await js.publish(`fettle.${desk.name}.queue.task.echo`, "the last", { msgID: "last" });
    expect(await resultOf(desk, "last")).toMatchObject({ status: "success" });
    expect(faults).toEqual([]);
  });

  it("refuses a context that is too large or too deep, and keeps one with odd names to itself", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const large = await desk.ask("echo", JSON.stringify({ task: "x", context: { text: "y".repeat(5_000) } }));
    expect(errorCode(large)).toBe(413);
    const deep = await desk.ask(
      "echo",
      `{"task":"x","context":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`,
    );
    expect([400, 413]).toContain(errorCode(deep));
    const odd = await desk.ask("echo", '{"task":"x","context":{"__proto__":{"polluted":1},"constructor":2}}');
    expect(jsonOf(odd)).toMatchObject({ status: "success" });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("a client with the permissions that the docs give one", () => {
  it("asks, submits, hears and reads, and cannot do what nodes do", async () => {
    const mesh = "shop";
    await using restricted = await startNatsServer({
      config: `authorization { users: [
        { user: node, password: n }
        { user: client, password: c, permissions: {
          publish: ["fettle.${mesh}.task.>", "fettle.${mesh}.capability.>", "fettle.${mesh}.queue.task.>",
            "$JS.API.INFO", "$JS.API.STREAM.INFO.KV_fettle-${mesh}-results", "$JS.API.STREAM.MSG.GET.KV_fettle-${mesh}-results", "$SRV.>"]
          subscribe: ["_INBOX.>", "fettle.${mesh}.event.>"] } }
      ] }`,
    });
    await using desk = await openDesk(restricted, [echo], { name: mesh, user: "node", password: "n" });
    const client = await connect({ servers: restricted.url, user: "client", pass: "c" });
    const events = client.subscribe(`fettle.${mesh}.event.*`);
    const answer = await client.request(`fettle.${mesh}.task.echo`, '{"task":"hello","id":"c1"}', {
      timeout: 10_000,
    });
    expect(jsonOf(answer)).toMatchObject({ status: "success" });
    const types: unknown[] = [];
    for await (const event of events) {
      types.push(jsonOf(event)["type"]);
      if (types.at(-1) === "finished") break;
    }
    await client.jetstream().publish(`fettle.${mesh}.queue.task.echo`, "hi", { msgID: "c2" });
    await resultOf(desk, "c2");
    const results = await client.jetstream().views.kv(`fettle-${mesh}-results`, { bindOnly: true });
    expect((await results.get("c2"))?.json()).toMatchObject({ status: "success", taskId: "c2" });
    for (const subject of [
      `fettle.${mesh}.actor.echo.1`,
      `$KV.fettle-${mesh}-results.c2`,
      `fettle.${mesh}.ledger.entry.x`,
    ]) {
      await expect(client.request(subject, "x", { timeout: 2_000 })).rejects.toMatchObject({
        code: "PERMISSIONS_VIOLATION",
      });
    }
    await client.close();
  });
});
