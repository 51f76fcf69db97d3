// Guests that call a tool which does nothing: what the tool line times and the memory line keeps waiting.
import { defineTool } from "#src/core/tool";
import { z } from "zod";

/** Runs a guest that awaits a tool `count` times, one call after the other; gives the moments of the calls. */
export function createGuestCaller(sandbox) {
  return async (count) => {
    const moments = [];
    const noop = defineTool({
      description: "Does nothing.",
      input: z.object({}),
      execute: () => void moments.push(performance.now()),
    });
    const { ok, error } = await sandbox.execute(
      `for (let i = 0; i < ${count}; i += 1) await tools.noop({}); result = ${count}`,
      { tools: { noop }, limits: { toolCalls: count } },
    );
    if (!ok) throw new Error(`The guest that calls a tool failed: ${error.message}`);
    return moments;
  };
}
