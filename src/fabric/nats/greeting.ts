// What a NATS server says before anything else: asked for where the library would only run into its time limit.
import { createConnection } from "node:net";

/** Whether the first of some servers that answers wants a certificate of its clients; false where none answers. */
export async function wantsCertificate(servers: readonly string[], timeoutMs: number): Promise<boolean> {
  for (const server of servers) {
    const greeting = await greetingOf(server, timeoutMs);
    if (greeting !== null) return greeting.includes('"tls_verify":true');
  }
  return false;
}

/** The first line of a server; null where it says nothing. */
async function greetingOf(server: string, timeoutMs: number): Promise<string | null> {
  const { hostname, port } = new URL(`nats://${server}`);
  const socket = createConnection({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
  socket.setTimeout(timeoutMs);
  socket.setEncoding("utf8");
  try {
    return await new Promise((resolve) => {
      let text = "";
      const end = (): void => resolve(null);
      socket.on("data", (part: string) => {
        text += part;
        if (text.includes("\n")) resolve(text);
      });
      socket.on("error", end).on("close", end).on("timeout", end);
    });
  } finally {
    socket.destroy();
  }
}
