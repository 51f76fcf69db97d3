// Whether the service lives and whether it can work, for whoever starts it, restarts it and sends it requests.
// Invariant: it never says that it is ready where a task could not be taken; it waits two seconds at most to know.
import { z } from "zod";
import { messageOf } from "../../core/errors.ts";
import { jsonAnswer } from "./answer.ts";
import { defineRoute, type Route, type Service } from "./route.ts";

const TAG = "Health";
const PING_MS = 2_000;

const healthForm = z.object({ status: z.literal("alive") }).meta({ id: "Health" });
const readyForm = z
  .object({
    status: z.enum(["ready", "not ready"]),
    mesh: z.string().meta({ description: "`started` where it works." }),
    fabric: z
      .string()
      .meta({ description: "`answers`, or why it does not; `unknown` where it was not asked." }),
    model: z.enum(["open", "not needed", "unknown"]),
  })
  .meta({ id: "Readiness" });

const readHealth = defineRoute({
  method: "GET",
  path: "/health",
  doc: {
    id: "readHealth",
    tag: TAG,
    summary: "Whether the service lives",
    answers: { 200: { description: "It does.", schema: healthForm } },
  },
  handle: () => jsonAnswer({ status: "alive" }),
});

const readReadiness = defineRoute({
  method: "GET",
  path: "/ready",
  doc: {
    id: "readReadiness",
    tag: TAG,
    summary: "Whether the service takes tasks",
    answers: {
      200: { description: "It does.", schema: readyForm },
      503: {
        description: "It does not, and why: it starts, stops, or its store does not answer.",
        schema: readyForm,
      },
    },
  },
  handle: async ({ service }) => {
    const readiness = await readinessOf(service);
    return jsonAnswer(readiness, { status: readiness.status === "ready" ? 200 : 503 });
  },
});

/** All of them. */
export const healthRoutes: readonly Route[] = [readHealth, readReadiness];

async function readinessOf({ mesh, closing }: Service): Promise<z.output<typeof readyForm>> {
  if (closing.hasBegun || mesh.phase !== "started") {
    const phase = closing.hasBegun ? "stopping" : mesh.phase === "new" ? "starting" : mesh.phase;
    return { status: "not ready", mesh: phase, fabric: "unknown", model: "unknown" };
  }
  const needsModel = mesh.agents.some(({ definition }) => definition.kind === "prompt");
  // A mesh does not start without the model that its agents need.
  const model = needsModel ? "open" : "not needed";
  const fabric = await pinged(mesh.view.ping());
  return { status: fabric === "answers" ? "ready" : "not ready", mesh: mesh.phase, fabric, model };
}

async function pinged(ping: Promise<void>): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${PING_MS} ms`), PING_MS);
  });
  const told = ping.then(() => "answers", messageOf);
  return Promise.race([told, late]).finally(() => clearTimeout(timer));
}
