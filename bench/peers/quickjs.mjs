// @sebastianwessel/quickjs: QuickJS on the host's own thread, a fresh context for each run.
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import { loadQuickJs } from "@sebastianwessel/quickjs";

export async function open() {
  const { runSandboxed } = await loadQuickJs(variant);
  const evaluate = async (code, options) => {
    const outcome = await runSandboxed(({ evalCode }) => evalCode(code), options);
    if (!outcome.ok) throw new Error(outcome.error.message);
    return outcome.data;
  };
  return {
    run: () => evaluate("export default 1 + 1", {}),
    callTool: async (count) => {
      const moments = [];
      const noop = async () => void moments.push(performance.now());
      const code = `for (let i = 0; i < ${count}; i += 1) await env.noop({}); export default 1`;
      await evaluate(code, { env: { noop } });
      return moments;
    },
    close: async () => undefined,
  };
}
