// Checks the NATS servers of a mesh by doing what a node does there.
// Invariant: nothing stays behind.
import { FettleError } from "../../core/errors.ts";
import type { Config } from "../config.ts";
import { probeMesh } from "../nats.ts";
import { count } from "../wording.ts";
import { findingsOf, type Finding } from "./finding.ts";

/** Whether the servers answer, take this user, and can keep the mesh's data. */
export async function checkNats({ nats, mesh }: Config): Promise<Finding> {
  const { ok, failed } = findingsOf("NATS");
  try {
    const { address, version, roundTripMs } = await probeMesh(nats, mesh);
    const kept = `the mesh "${mesh}" can be kept on ${count(nats.replicas, "server")}`;
    return ok(`${version} at ${address}, ${roundTripMs} ms away; messages and JetStream work, ${kept}`);
  } catch (thrown) {
    if (thrown instanceof FettleError) return failed(thrown.message);
    throw thrown;
  }
}
