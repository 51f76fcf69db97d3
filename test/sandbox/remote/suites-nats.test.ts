// The sandbox's own suites with guests on a node that is reached over a real server: tools, limits, records, console.
import { describe } from "vitest";
import { runGuestsIn } from "../place.ts";
import { fabricForTests } from "./nats-fabric.ts";
import { openPair } from "./pair.ts";

const over = fabricForTests();
runGuestsIn((options) => openPair(over.fabric.messages, options));

describe("a sandbox whose guests run on a node over NATS", async () => {
  await import("../clock.test.ts");
  await import("../console.test.ts");
  await import("../limits.test.ts");
  await import("../record.test.ts");
  await import("../sandbox.test.ts");
  await import("../tools.test.ts");
});
