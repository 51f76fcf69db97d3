// Tells the witness of a node's calls, over one connection that is made before the first of them.
// Invariant: a call is written in the turn in which it is made; each gets its own answer, whatever their order.
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/**
 * Connects to a witness.
 *
 * @param witness its address, `tcp://…`
 * @returns a function that tells of a call and gives the answer's text
 */
export async function openTelling(witness) {
  const { hostname, port } = new URL(witness);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.setNoDelay(true);
  const waiting = new Map();
  let calls = 0;
  createInterface({ input: socket }).on("line", (line) => {
    const { id, text } = JSON.parse(line);
    waiting.get(id)?.(text);
    waiting.delete(id);
  });
  return (call) =>
    new Promise((resolve) => {
      waiting.set((calls += 1), resolve);
      socket.write(`${JSON.stringify({ ...call, id: calls })}\n`);
    });
}
