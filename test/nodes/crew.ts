// A server, a witness and nodes of one mesh for a file of tests.
import { afterAll, beforeAll } from "vitest";
import { startNode, type NodeOptions, type NodeProcess } from "../harness/node-process.ts";
import { startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { openWitness, type Answerer, type Witness, type WitnessedCall } from "../harness/witness.ts";

/** What the tests of a file share. */
export interface Ground {
  readonly server: NatsServer;
  readonly witness: Witness;
}

/** A server and a witness, started before the tests of a file and closed after them. */
export function groundForTests(): Ground {
  let server: NatsServer | undefined;
  let witness: Witness | undefined;
  beforeAll(async () => {
    [server, witness] = await Promise.all([startNatsServer(), openWitness()]);
  }, 60_000);
  afterAll(async () => {
    await server?.close();
    await witness?.[Symbol.asyncDispose]();
  });
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error("it is not started yet");
    return part;
  };
  return {
    get server() {
      return started(server);
    },
    get witness() {
      return started(witness);
    },
  };
}

/** What a crew's nodes may be told beyond their names. */
export type CrewOptions = Partial<Pick<NodeOptions, "agents" | "concurrency" | "env" | "nats">>;

let meshes = 0;

/** The nodes of one mesh that no other test has; all are ended with it. */
export class Crew implements AsyncDisposable {
  readonly mesh = `nodes-${process.pid}-${(meshes += 1)}`;
  readonly #ground: Ground;
  readonly #nodes: NodeProcess[] = [];

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  async start(name: string, options: CrewOptions = {}): Promise<NodeProcess> {
    const { server, witness } = this.#ground;
    const node = await startNode({
      mesh: this.mesh,
      nats: server.url,
      witness: witness.url,
      ...options,
      name,
    });
    this.#nodes.push(node);
    return node;
  }

  /** The calls that its nodes made. */
  get calls(): readonly WitnessedCall[] {
    return this.#ground.witness.calls.filter(({ mesh }) => mesh === this.mesh);
  }

  /** Those calls, as `node kind text`, for comparison; a model call's text is cut to what tells tasks apart. */
  callsOf(kind: WitnessedCall["kind"]): readonly string[] {
    return this.calls
      .filter((call) => call.kind === kind)
      .map(({ node, text }) => `${node} ${kind === "tool" ? text : (/t-[\w-]+/.exec(text)?.[0] ?? "?")}`);
  }

  /** Resolves with the first call of its nodes that fits. */
  seen(fits: (call: WitnessedCall) => boolean): Promise<WitnessedCall> {
    return this.#ground.witness.seen((call) => call.mesh === this.mesh && fits(call));
  }

  answer(answerer: Answerer): void {
    this.#ground.witness.answer(this.mesh, answerer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.kill()));
  }
}

/** Code as a model gives it. */
export const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;

/** A promise and what opens it: nobody who awaits it goes on before. */
export function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}
