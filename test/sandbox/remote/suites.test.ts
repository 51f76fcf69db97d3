// The sandbox's own suites, word for word, with their guests on another node: tools, limits, records, clocks, console.
import { describe } from "vitest";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { runGuestsIn } from "../place.ts";
import { openPair } from "./pair.ts";

const fabric = createMemoryFabric();
runGuestsIn((options) => openPair(fabric.messages, options));

describe("a sandbox whose guests run on a node", async () => {
  await import("../clock.test.ts");
  await import("../console.test.ts");
  await import("../exhaustion.test.ts");
  await import("../limits.test.ts");
  await import("../loops.test.ts");
  await import("../record.test.ts");
  await import("../sandbox.test.ts");
  await import("../source.test.ts");
  await import("../tools.test.ts");
});
