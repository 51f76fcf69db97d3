// What TypeScript infers, checked by `npm run types`; at run time these tests only show that the calls exist.
/* eslint-disable @typescript-eslint/no-unused-vars, @typescript-eslint/unbound-method -- only types are of interest. */
import { expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type McpServers,
  type Mesh,
  type TaskResult,
} from "fettle";

const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math"],
  systemPrompt: "Compute.",
  output: z.number(),
});
const writer = defineAgent({ role: "writer", capabilities: ["text"], systemPrompt: "Write." });
const clerk = defineAgent({
  role: "clerk",
  capabilities: ["files"],
  output: z.object({ filed: z.boolean() }),
  handle: (message) => ({ filed: message.type === "task" }),
});

/** A mesh that is never made: only its type is of interest. */
type Typed = ReturnType<typeof typed>;
function typed(mesh: Mesh) {
  return mesh.add(calculator).add(writer).add(clerk);
}

it("infers an agent's role and output from its definition", () => {
  expectTypeOf(calculator.role).toEqualTypeOf<"calculator">();
  expectTypeOf(calculator).toExtend<AgentDefinition<"calculator", number>>();
  expectTypeOf(clerk).toExtend<AgentDefinition<"clerk", { filed: boolean }>>();
});

it("types a task's output by the agent, given by role or by definition", () => {
  const byRole = (mesh: Typed) => mesh.execute("calculator", "1 + 1");
  expectTypeOf<ReturnType<typeof byRole>>().resolves.toEqualTypeOf<TaskResult<number>>();
  const byDefinition = (mesh: Mesh) => mesh.execute(clerk, "file this");
  expectTypeOf<ReturnType<typeof byDefinition>>().resolves.toEqualTypeOf<TaskResult<{ filed: boolean }>>();
  const unknownOutput = (mesh: Typed) => mesh.execute("writer", "a poem");
  expectTypeOf<ReturnType<typeof unknownOutput>>().resolves.toEqualTypeOf<TaskResult>();
  const anyRole = (mesh: Mesh, role: string) => mesh.execute(role, "something");
  expectTypeOf<ReturnType<typeof anyRole>>().resolves.toEqualTypeOf<TaskResult>();
});

it("makes the output null unless the task succeeded", () => {
  expectTypeOf<TaskResult<number>["output"]>().toEqualTypeOf<number | null>();
});

it("infers a tool's input and output from its schemas", () => {
  const convert = defineTool({
    description: "Converts an amount.",
    input: z.object({ amount: z.number(), to: z.enum(["EUR", "USD"]) }),
    output: z.object({ amount: z.number() }),
    execute: ({ amount, to }) => {
      expectTypeOf(amount).toEqualTypeOf<number>();
      expectTypeOf(to).toEqualTypeOf<"EUR" | "USD">();
      return { amount };
    },
  });
  expectTypeOf(convert.execute).returns.toExtend<{ amount: number } | Promise<{ amount: number }>>();
  // @ts-expect-error -- a number is not what the output schema takes.
  defineTool({
    description: "Gives the wrong type.",
    input: z.object({}),
    output: z.string(),
    execute: () => 1,
  });
});

it("refuses options of the wrong type", () => {
  const options = { role: "x", capabilities: ["y"], systemPrompt: "z" };
  const wrong = [
    // @ts-expect-error -- a limit is a number.
    () => defineAgent({ ...options, limits: { cpuMs: "1s" } }),
    // @ts-expect-error -- an agent has a prompt or a handler.
    () => defineAgent({ role: "x", capabilities: ["y"] }),
    // @ts-expect-error -- only tools made by defineTool.
    () => defineAgent({ ...options, tools: { add: (a: number) => a } }),
  ];
  expectTypeOf(wrong).toExtend<readonly (() => unknown)[]>();
});

it("takes an MCP server that is either a program or an address", () => {
  const define = (mcp: McpServers) =>
    defineAgent({ role: "clerk", capabilities: ["files"], systemPrompt: "File.", mcp });
  define({
    files: { command: "npx", args: ["-y", "server"] },
    search: { url: "https://x", headers: { a: "b" } },
  });
  const wrong = () => {
    // @ts-expect-error -- a program has no headers
    define({ files: { command: "npx", headers: {} } });
    // @ts-expect-error -- it is one or the other
    define({ files: { command: "npx", url: "https://x" } });
    // @ts-expect-error -- there is no such approval
    define({ files: { command: "npx", approval: "sometimes" } });
  };
  expectTypeOf(wrong).toBeFunction();
});
