// Checks that blobs, results among them, can be stored where the settings say, by storing one.
// Invariant: nothing stays behind.
import { FettleError } from "../../core/errors.ts";
import { openBlobs } from "../blobs.ts";
import type { Config } from "../config.ts";
import { findingsOf, type Finding } from "./finding.ts";
import { checkFolder } from "./folders.ts";

/**
 * Whether blobs can be stored: in the log directory, or at the cloud's service that was chosen. Where NATS keeps them, its
 * own check tells.
 */
export async function checkBlobs(config: Config): Promise<Finding> {
  const { ok, failed } = findingsOf("Blobs");
  const { blobs } = config;
  if (
    blobs.store === "nats" ||
    (blobs.store === "files" && !blobs.isChosen && config.mode === "distributed")
  ) {
    return ok("in the object store of the mesh's NATS servers");
  }
  if (blobs.store === "files") {
    return checkFolder("Log directory", { path: config.logDirectory, setting: "LOG_DIRECTORY" });
  }
  const probe = `fettle-check-${crypto.randomUUID()}`;
  try {
    await using opened = await openBlobs(blobs);
    await opened?.write(probe, "");
    await opened?.delete(probe);
    await opened?.list(probe);
    return ok(opened?.place ?? "");
  } catch (thrown) {
    if (thrown instanceof FettleError) return failed(thrown.message);
    throw thrown;
  }
}
