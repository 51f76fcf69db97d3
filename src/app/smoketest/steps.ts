// The steps of the smoketest, in order: each does a piece of the main job and holds what came of it against what
// is known to be right.
// Invariant: a step that does not see what it expects throws an error that says what it saw.
import type { Fabric } from "../../core/ports.ts";
import type { TaskResult } from "../../core/task.ts";
import { FunctionRegistry } from "../../registry.ts";
import { ResultStore } from "../../results.ts";
import type { Mesh } from "../mesh.ts";
import { calculator, cashier, counter, createStorekeeper } from "./agents.ts";
import { TASKS } from "./answers.ts";

/** One step; gives what it saw, in a few words. */
export interface SmokeStep {
  readonly name: string;
  run(): Promise<string>;
}

/** Adds the agents that the steps need; to be called before the mesh starts. The signal cancels their tasks. */
export function prepareSteps(mesh: Mesh, fabric: Fabric, signal: AbortSignal): readonly SmokeStep[] {
  const { agent: storekeeper, calls } = createStorekeeper();
  for (const agent of [calculator, cashier, storekeeper, counter]) mesh.add(agent);
  let first: TaskResult | undefined;
  const earlier = (): TaskResult => first ?? fail("the first task gave no result to look for");
  return [
    {
      name: "Mesh started",
      run: async () => {
        await mesh.start();
        return `${mesh.agents.length} agents`;
      },
    },
    {
      name: "Task to code to result",
      run: async () => {
        first = succeeded(await mesh.execute(calculator.role, TASKS.squares, { signal }));
        return expectEqual(first.output, 338_350);
      },
    },
    {
      name: "Repair",
      run: async () => {
        const task = { task: TASKS.receipt, context: { prices: [12, 30] } };
        const result = succeeded(await mesh.execute(cashier.role, task, { signal }));
        if (result.repairs === 0) fail("the first code was right at once, so nothing was repaired");
        expectEqual(result.output, { total: 42, reference: "FT-42" });
        return `${result.repairs} repair${result.repairs === 1 ? "" : "s"}`;
      },
    },
    {
      name: "Tool call",
      run: async () => {
        const result = succeeded(await mesh.execute(storekeeper.role, TASKS.stock, { signal }));
        expectEqual(result.output, 42);
        if (calls.count < 2) fail(`the tool was called ${calls.count} times, not once for each article`);
        return `${calls.count} calls`;
      },
    },
    {
      name: "Workflow of two steps",
      run: async () => {
        const steps = [
          { id: "primes", agent: calculator.role, task: TASKS.primes },
          { id: "sum", agent: calculator.role, task: TASKS.sum, dependsOn: ["primes"] },
        ];
        const { status, outputs, failures } = await mesh.workflow("smoketest", steps, { signal });
        if (status !== "success") fail(failures[0]?.error.message ?? `the workflow ended as ${status}`);
        return expectEqual(outputs["sum"], 77);
      },
    },
    {
      name: "Custom agent",
      run: async () => {
        await mesh.send(counter.role, 40);
        return expectEqual(await mesh.ask(counter.role, 2, { signal }), 42);
      },
    },
    {
      name: "Result on disk",
      run: async () => {
        const { role, resultId, output } = earlier();
        const stored = await new ResultStore(fabric.blobs).read(role, resultId);
        if (stored === null || stored.status === "running") return fail(`there is no result ${resultId}`);
        expectEqual(stored.output, output);
        return `${role}/${resultId}.json`;
      },
    },
    {
      name: "Code in the registry",
      run: async () => {
        const { functionId, code } = earlier();
        const registered = await new FunctionRegistry(fabric.keyValue).get(functionId ?? "");
        if (registered === null) return fail(`there is no function ${functionId ?? "(none was registered)"}`);
        expectEqual(registered.code, code);
        return `version ${registered.version}, ${registered.stage}`;
      },
    },
  ];
}

function succeeded(result: TaskResult): TaskResult {
  if (result.status === "success") return result;
  return fail(
    `the task ended as ${result.status}: ${result.error?.name ?? ""}: ${result.error?.message ?? ""}`,
  );
}

function expectEqual(seen: unknown, expected: unknown): string {
  const text = JSON.stringify(seen) ?? "undefined";
  return text === JSON.stringify(expected) ? text : fail(`${text} in place of ${JSON.stringify(expected)}`);
}

function fail(what: string): never {
  throw new Error(what);
}
