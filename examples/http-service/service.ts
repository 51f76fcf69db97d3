// A service of your own around a mesh: POST /calculate beside the whole HTTP API.
import type { Mesh } from "fettle";
import { createHttpApp, type HttpAppOptions } from "fettle/http";
import { z } from "zod";

const question = z
  .object({ expression: z.string().min(1), problem: z.string().min(1) })
  .partial()
  .refine(({ expression, problem }) => (expression === undefined) !== (problem === undefined), {
    error: 'send {"expression": "2 * 21"} or {"problem": "What is 2 times 21?"}',
  });

/** The app: its `fetch` answers requests on Node, on Deno, in any server. */
export function createService(mesh: Mesh, options: HttpAppOptions = {}) {
  const app = createHttpApp(mesh, options);
  app.post("/calculate", async (c) => {
    const asked = question.safeParse(await c.req.json().catch(() => ({})));
    if (!asked.success) return c.json({ error: asked.error.issues[0]?.message }, 422);
    const { expression, problem } = asked.data;
    const task =
      expression === undefined
        ? { task: problem ?? "" }
        : { task: "Evaluate context.expression.", context: { expression } };
    const { status, output, code, costUsd, error, taskId } = await mesh.execute("calculator", task);
    if (status !== "success") return c.json({ error: error?.message, taskId }, 502);
    return c.json({ result: output, code, cost: costUsd, taskId });
  });
  return app;
}
