// A server that dies while a client is connecting to it, at a moment in which the library listens to no error.
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { NodeTransport } from "nats/lib/src/node_transport.js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";

const INFO = { server_id: "x", version: "2.9.10", headers: true, max_payload: 1_048_576, jetstream: true };

let server: Server;
let port: number;
let isResetting = true;
beforeEach(async () => {
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(`INFO ${JSON.stringify(INFO)}\r\n`, () => isResetting && socket.resetAndDestroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  server.close();
});

const connect = () =>
  openConnection({ servers: [`127.0.0.1:${port}`] }, { name: "test", log: silentLog, timeoutMs: 500 });

it("a server that resets each connection once it has told of itself is an error of the attempt", async () => {
  const attempts = Array.from({ length: 40 }, connect);
  for (const attempt of attempts) await expect(attempt).rejects.toMatchObject({ name: "ConfigError" });
});

it("an error of the library's socket to which it does not listen ends nothing", async () => {
  await connect().catch(() => undefined);
  isResetting = false;
  const socket = await new NodeTransport().dial({ hostname: "127.0.0.1", port });
  socket.removeAllListeners();
  socket.emit("error", new Error("read ECONNRESET"));
  socket.removeAllListeners("error");
  socket.emit("error", new Error("read ECONNRESET"));
  socket.destroy();
  await expect(new NodeTransport().dial({ hostname: "127.0.0.1", port: 1 })).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
});
