// Nodes of one mesh in processes of their own, and what is done to them: killed, stopped and woken, sent away in order, and
// always started again.
// Invariant: one node at least is awake at any time.
import { fileURLToPath } from "node:url";
import { loadModule } from "#src/app/module-loader";
import { AGENTS } from "./load.mjs";

const { startNode } = await loadModule(
  fileURLToPath(new URL("../../harness/node-process.ts", import.meta.url)),
);

/** Tasks of each role that a node has in hand at once. */
const CONCURRENCY = 8;
/** So long is a node stopped, in milliseconds: for a blink, and for longer than it is remembered. */
const STOPPED_MS = [500, 14_000];

/** So often is a node started that cannot start: the server is away for a moment only. */
const MOST_TRIES = 20;

/** What can be done to a node. */
export const DEEDS = ["kill", "stop", "leave"];

/** A fleet of nodes. */
export class Fleet {
  #options;
  #places = [];
  #started = 0;
  /** When nodes were woken each time, by their names. */
  woken = new Map();
  /** How often each deed was done. */
  done = { kill: 0, stop: 0, leave: 0 };

  constructor(options) {
    this.#options = options;
  }

  async start(size) {
    this.#places = Array.from({ length: size }, () => ({ node: null, name: "", state: "starting" }));
    await Promise.all(this.#places.map((place) => this.#fill(place)));
  }

  /** A node that is awake, at random. */
  pick(random) {
    const awake = this.#awake();
    return awake[Math.floor(random() * awake.length)]?.node;
  }

  /** Does something to a node, at random; nothing where only one is awake. Resolves once it is awake again. */
  async disturb(deed, random) {
    const awake = this.#awake();
    if (awake.length < 2) return false;
    const place = awake[Math.floor(random() * awake.length)];
    this.done[deed] += 1;
    if (deed === "stop") {
      const [least, most] = STOPPED_MS;
      place.state = "stopped";
      place.node.signal("SIGSTOP");
      await pause(least + random() * (most - least));
      place.node.signal("SIGCONT");
      this.woken.set(place.name, [...(this.woken.get(place.name) ?? []), Date.now()]);
      place.state = "awake";
      return true;
    }
    place.state = deed;
    const code = deed === "kill" ? await place.node.kill() : await place.node.leave({ mode: "suspend" });
    if (deed === "leave" && code !== 0) throw new Error(`the node ${place.name} left with ${code}`);
    await this.#fill(place);
    return true;
  }

  async close() {
    await Promise.all(this.#places.map(({ node }) => node?.kill()));
  }

  #awake() {
    return this.#places.filter(({ state }) => state === "awake");
  }

  /** Starts a node; again where the server is away, as whoever runs it would. */
  async #fill(place) {
    place.name = `n${(this.#started += 1)}`;
    const options = {
      name: place.name,
      agents: AGENTS,
      concurrency: CONCURRENCY,
      env: { LOG_LEVEL: "info" },
    };
    for (let tries = 1; ; tries += 1) {
      try {
        place.node = await startNode({ ...this.#options, ...options });
        break;
      } catch (thrown) {
        if (tries > MOST_TRIES) throw thrown;
        await pause(300);
      }
    }
    place.state = "awake";
  }
}

/** Resolves after so many milliseconds. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
