// The page of a mesh's metrics beside its HTTP service, for a Prometheus that reaches no other port.
// Invariant: it is behind the service's guard like everything that tells of the mesh, and there only where metrics are on.
import type { Context } from "hono";
import type { Metrics } from "../../observe/metrics.ts";
import { Problem } from "./problem.ts";

/** Where Prometheus looks. */
export const METRICS_PATH = "/metrics";

/** Answers requests for the page; `isOn` says whether the mesh has one once it has started. */
export function metricsHandler(
  mesh: { readonly metrics: Metrics | null },
  { isOn }: { readonly isOn: boolean },
): (context: Context) => Promise<Response> {
  return async ({ req }) => {
    if (!isOn) {
      throw new Problem(
        404,
        "NOT_FOUND",
        "Nothing is measured here: start this service with FETTLE_METRICS=1.",
      );
    }
    if (mesh.metrics === null) {
      throw new Problem(503, "STARTING", "The mesh of this service starts. Ask again in a moment.", {
        retryable: true,
      });
    }
    return mesh.metrics.handle(req.raw);
  };
}
