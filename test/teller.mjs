// A process of its own for the tests of episodic memory: tells numbered events, each with its id.
import { createEmbeddedFabric } from "../dist/src/fabric/embedded/fabric.js";
import { createMemory } from "../dist/src/memory.js";

const [folder, count] = process.argv.slice(2);
const { keyValue, ledger, blobs, close } = createEmbeddedFabric({ dataDirectory: folder });
const scope = { role: "researcher", taskId: "t1", workflowId: "w1" };
const { episodic } = createMemory({ keyValue, ledger, blobs, scope, model: () => undefined });
for (let index = 0; index < Number(count); index += 1) {
  await episodic.append(`event ${index}`, { id: String(index) });
}
await close();
