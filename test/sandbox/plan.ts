// A run as the sandbox would plan it, for tests that drive the pool itself.
import { DEFAULT_LIMITS, type ExecuteOptions, type GuestLimits } from "#src/core/guest";
import { flattenTools } from "#src/core/tool";
import { Pace } from "#src/sandbox/pace";
import { Run } from "#src/sandbox/run";

/** Plans a run. */
export function plan(code: string, options: ExecuteOptions = {}): Run {
  const limits: GuestLimits = { ...DEFAULT_LIMITS, ...options.limits };
  return new Run({
    code,
    context: "",
    tools: flattenTools(options.tools ?? {}),
    limits,
    seed: 1,
    startedAt: 0,
    runId: "run",
    options,
    pace: new Pace(),
  });
}
