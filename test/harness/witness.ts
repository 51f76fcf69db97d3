// What nodes in processes of their own are seen doing: each model call and tool call is told here before it is answered.
// Invariant: a call is on record before its caller hears of it; who asks is known by what it says of itself. Each node
// keeps one connection: a call is here at once, and no dialling lies between the decision to make it and its arrival.
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** A call that a node made. */
export interface WitnessedCall {
  readonly kind: "model" | "tool";
  readonly mesh: string;
  /** The name that the test gave the node. */
  readonly node: string;
  /** Of a model call, its task; of a tool call, its input as JSON. */
  readonly text: string;
  /** Of a model call only: 0 for the first draft, then the number of the repair. */
  readonly repair?: number;
  /** Of a tool call only. */
  readonly callId?: string;
  /** When it came, in milliseconds since 1970. */
  readonly at: number;
}

/** Gives a model's text, or a tool's return as JSON; it may take its time. */
export type Answerer = (call: WitnessedCall) => string | Promise<string>;

/** Records calls and answers them. */
export interface Witness extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly WitnessedCall[];
  /** How a mesh's models and tools are answered from now on. */
  answer(mesh: string, answerer: Answerer): void;
  /** Resolves with the first call that fits, also one that was made before. */
  seen(fits: (call: WitnessedCall) => boolean): Promise<WitnessedCall>;
}

/** Begins to listen on a free port of loopback. */
export async function openWitness(): Promise<Witness> {
  const calls: WitnessedCall[] = [];
  const listeners = new Set<() => void>();
  const answerers = new Map<string, Answerer>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => sockets.delete(socket));
    const lines = createInterface({ input: socket }).on("line", (line) => void hear(socket, line));
    // A node that is killed says no good-bye; the reader tells of the socket's errors once more.
    for (const told of [socket, lines]) told.on("error", () => undefined);
  });
  const hear = async (socket: Socket, line: string): Promise<void> => {
    const { id, ...said } = JSON.parse(line) as Omit<WitnessedCall, "at"> & { readonly id: number };
    const call = { ...said, at: Date.now() };
    calls.push(call);
    for (const listener of [...listeners]) listener();
    const text = (await answerers.get(call.mesh)?.(call)) ?? "null";
    if (!socket.destroyed) socket.write(`${JSON.stringify({ id, text })}\n`);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answer: (mesh, answerer) => void answerers.set(mesh, answerer),
    seen: (fits) =>
      new Promise((resolve) => {
        const look = () => {
          const found = calls.find(fits);
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
