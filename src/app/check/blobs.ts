// Checks that blobs, results among them, can be stored where the settings say, by storing one.
// Invariant: nothing stays behind.
import { FettleError } from "../../core/errors.ts";
import { openBlobs } from "../blobs.ts";
import type { Config } from "../config.ts";
import { findingsOf, type Finding } from "./finding.ts";
import { checkFolder } from "./folders.ts";

/** Whether blobs can be stored: in the log directory, or at the cloud's service that was chosen. */
export async function checkBlobs(config: Config): Promise<Finding> {
  if (config.blobs.store === "files" || config.blobs.store === "nats") {
    return checkFolder("Log directory", { path: config.logDirectory, setting: "LOG_DIRECTORY" });
  }
  const { ok, failed } = findingsOf("Blobs");
  const probe = `fettle-check-${crypto.randomUUID()}`;
  try {
    await using blobs = await openBlobs(config.blobs);
    await blobs?.write(probe, "");
    await blobs?.delete(probe);
    await blobs?.list(probe);
    return ok(blobs?.place ?? "");
  } catch (thrown) {
    if (thrown instanceof FettleError) return failed(thrown.message);
    throw thrown;
  }
}
