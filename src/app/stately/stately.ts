// Feeds XState's own tools with what the charts of this process do: by a WebSocket, and in a browser by a page around
// Stately's inspector. Both are at one address, of which a part cannot be guessed.
// Invariant: it listens on loopback alone, answers nothing at any other address, and takes nothing from whoever connects.
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Log } from "../../core/log.ts";
import type { Unsubscribe } from "../../core/ports.ts";
import type { MeshSystem } from "../../mesh.ts";
import { openHttpServer } from "../http/server.ts";
import { Veil } from "../inspector/veil.ts";
import { bridgePage } from "./bridge.ts";
import { tellElsewhere } from "./elsewhere.ts";
import { loadLibrary } from "./library.ts";
import type { LiveActors } from "./live-actors.ts";
import { openReader } from "./reader.ts";

/** Where XState's tools are fed: whoever knows the address reads it. */
export interface StatelyPlace {
  /** A page around Stately's inspector, which comes from https://stately.ai: `http://127.0.0.1:40123/6f0c…`. */
  readonly url: string;
  /** The socket that any such tool reads: the same address, as `ws://…`. */
  readonly socketUrl: string;
}

/** Feeds them until it is closed. */
export interface Stately extends AsyncDisposable {
  readonly place: StatelyPlace;
  close(): Promise<void>;
}

/** What {@link openStately} takes. */
export interface StatelyOptions {
  /** 0 for any that is free. */
  readonly port: number;
  readonly log: Log;
  /** Values that are never shown. */
  readonly secrets: readonly string[];
  /** The inspector inside the page; default Stately's. */
  readonly inspector?: URL;
}

const HOST = "127.0.0.1";
const STATELY = new URL("https://stately.ai/inspect");
const MOST_READERS = 8;
/** What connects has nothing to say. */
const LONGEST_MESSAGE = 1_024;
const GOING_AWAY = 1_001;
/** So long may readers take to close, in milliseconds. */
const GRACE_MS = 500;

/**
 * Feeds XState's tools with what a mesh tells `live`. The mesh may still have to start.
 *
 * @throws ConfigError where the packages that it needs are not installed, or it cannot listen there.
 */
export async function openStately(
  mesh: MeshSystem,
  live: LiveActors,
  { port, log, secrets, inspector = STATELY }: StatelyOptions,
): Promise<Stately> {
  const { createInspector, WebSocketServer } = await loadLibrary();
  const path = `/${randomUUID()}`;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LONGEST_MESSAGE });
  const elsewhere = new Elsewhere(mesh, live);
  const options = { createInspector, veil: new Veil(secrets), log };
  const upgrade = (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const isFull = sockets.clients.size >= MOST_READERS;
    if (request.url !== path || isFull) {
      connection.end(
        `HTTP/1.1 ${isFull ? "503 Service Unavailable" : "404 Not Found"}\r\nConnection: close\r\n\r\n`,
      );
      return;
    }
    sockets.handleUpgrade(request, connection, head, (socket) => {
      const line = {
        get waiting() {
          return socket.bufferedAmount;
        },
        send: (text: string) => socket.send(text),
      };
      const close = openReader(live, line, options);
      elsewhere.follow();
      socket.on("error", () => socket.terminate());
      socket.once("close", () => {
        close();
        if (sockets.clients.size === 0) elsewhere.rest();
      });
    });
  };
  const answer = (request: Request) => {
    const url = new URL(request.url);
    if (url.pathname === path) return bridgePage(url, inspector);
    return new Response("There is nothing here: the address is the one that the program told.\n", {
      status: 404,
    });
  };
  const server = await openHttpServer(answer, { host: HOST, port, settings: "FETTLE_STATELY", upgrade });
  const close = async () => {
    elsewhere.rest();
    for (const socket of sockets.clients) socket.close(GOING_AWAY);
    const over = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
    }, GRACE_MS);
    await server.close();
    clearTimeout(over);
  };
  return {
    place: { url: server.url + path, socketUrl: `ws://${HOST}:${server.port}${path}` },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Hears of other nodes while somebody reads. */
class Elsewhere {
  readonly #mesh: MeshSystem;
  readonly #live: LiveActors;
  #unhear: Unsubscribe | null = null;

  constructor(mesh: MeshSystem, live: LiveActors) {
    this.#mesh = mesh;
    this.#live = live;
  }

  follow(): void {
    const { phase, node } = this.#mesh;
    if (this.#unhear !== null || phase !== "started" || node === null) return;
    const { view } = this.#mesh;
    if (view.isDistributed) this.#unhear = tellElsewhere(view, node, this.#live);
  }

  rest(): void {
    this.#unhear?.();
    this.#unhear = null;
  }
}
