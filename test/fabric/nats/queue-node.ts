// A node of a mesh of which only the queues are tested.
import type { NatsLink } from "#src/fabric/nats/link";
import { NatsQueue } from "#src/fabric/nats/queue";
import { Streams } from "#src/fabric/nats/streams";
import type { NatsServer } from "../../harness/nats-server.ts";
import { newMeshName, openLink } from "./mesh-server.ts";

/** One node of a mesh. */
export interface QueueNode extends AsyncDisposable {
  readonly link: NatsLink;
  readonly queue: NatsQueue;
  readonly close: () => Promise<void>;
}

/** Opens a node of a mesh, of a new one where none is named. */
export async function openQueueNode(
  server: NatsServer,
  mesh = newMeshName(),
  replicas = 1,
): Promise<QueueNode> {
  const link = await openLink(server, { mesh, replicas });
  const queue = new NatsQueue(link, new Streams(link));
  const close = async (): Promise<void> => {
    await queue.close();
    await link.close();
  };
  return { link, queue, close, [Symbol.asyncDispose]: close };
}
