// A process that logs and ends by itself: for the test that nothing keeps it alive and no line is lost.
import { createLogger } from "../../dist/src/observe/logger.js";

const log = createLogger({
  level: "debug",
  secrets: ["hunter2hunter2"],
  pretty: process.argv[2] === "pretty",
});
for (let number = 0; number < 200; number += 1) log.info({ number }, "a line with hunter2hunter2");
process.stdout.write("result\n");
