// What an operator should know of a mesh on NATS before it hurts, each with what to do about it.
// Invariant: a healthy mesh has none, however busy it is.
import type { StreamStatus, Usage } from "../fabric/nats/status.ts";
import type { MeshStatus } from "./nats.ts";
import { count, size } from "./wording.ts";

/** From here on something counts as nearly full. */
const FULL = 0.8;

/** The warnings of a mesh's status, a sentence or two each. */
export function warningsOf(status: MeshStatus, wanted: { readonly replicas: number }): readonly string[] {
  const { jetStream, streams, queues, nodes } = status;
  if (jetStream === null) {
    return ["JetStream is off here: a mesh needs it. Start the server as: nats-server -js."];
  }
  return [
    ...streams.flatMap((stream) => ofStream(stream, wanted.replicas)),
    ...nearlyFull("The account's file storage", jetStream.storage, "raise the account's limit"),
    ...queues.flatMap(({ queue, dead }) =>
      dead === 0
        ? []
        : [`${count(dead, "dead letter")} in the queue "${queue}": "fettle tasks --dead" says why they are.`],
    ),
    ...queues.flatMap(({ queue, waiting, inHand, asking }) => {
      const isLeft = waiting > 0 && inHand === 0 && asking === 0;
      return isLeft
        ? [
            `${count(waiting, "message")} in the queue "${queue}" and nobody who takes them: is a node with that role up?`,
          ]
        : [];
    }),
    ...versions((nodes ?? []).map(({ version }) => version)),
  ];
}

function ofStream(stream: StreamStatus, wanted: number): readonly string[] {
  const { name, leader, peers, replicas, bytes, maxBytes } = stream;
  if (leader === null)
    return [`The stream ${name} has no leader: most of its servers are away. Work on it waits.`];
  const behind = peers.filter(({ isCurrent, isOffline }) => isOffline || !isCurrent);
  const named = behind.map((peer) => `${peer.name} (${peer.isOffline ? "offline" : `${peer.lag} behind`})`);
  return [
    ...(behind.length === 0 ? [] : [`The stream ${name} is not whole on ${named.join(", ")}.`]),
    ...(replicas === wanted
      ? []
      : [
          `The stream ${name} is kept on ${count(replicas, "server")}, and FETTLE_REPLICAS is ${wanted}: ` +
            "each node that starts sets it to its own, so let all nodes have the same.",
        ]),
    ...nearlyFull(`The stream ${name}`, { used: bytes, limit: maxBytes }, "raise FETTLE_NATS_MAX_BYTES"),
  ];
}

function nearlyFull(what: string, { used, limit }: Usage, remedy: string): readonly string[] {
  if (limit === null || used < limit * FULL) return [];
  return [
    `${what} is nearly full: ${size(used)} of ${size(limit)}. Remove what is not needed, or ${remedy}.`,
  ];
}

function versions(all: readonly string[]): readonly string[] {
  const different = [...new Set(all)].sort();
  if (different.length < 2) return [];
  return [
    `The nodes are of different versions: ${different.join(", ")}. That is for the time of an update only.`,
  ];
}
