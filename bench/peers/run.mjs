// The npm package `run`: QuickJS in worker threads, a fresh context for each run.
import { createRunner, setMaxWorkers } from "run";

export async function open({ cores }) {
  setMaxWorkers(cores);
  const evaluate = async (runner, input) => {
    const outcome = await runner.run(input);
    if (outcome.status !== "completed") throw new Error(`run ended as ${outcome.status}`);
    return outcome.value;
  };
  const plain = createRunner({});
  return {
    atOnce: cores,
    run: () => evaluate(plain, { source: "return 1 + 1" }),
    callTool: async (count) => {
      const moments = [];
      await evaluate(createRunner({ limits: { maxBridgeRequests: count } }), {
        source: `for (let i = 0; i < ${count}; i += 1) await tools.noop({});`,
        hostFunctions: { tools: { noop: async () => void moments.push(performance.now()) } },
      });
      return moments;
    },
    close: async () => undefined,
  };
}
