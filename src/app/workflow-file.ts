// Workflows from files: a module that exports one, or JSON or YAML that names its steps and the module of its agents.
// Invariant: what is wrong with a file is told with its name, the line and the path, and what is expected there.
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { isMap, isNode, LineCounter, parseDocument, type Document } from "yaml";
import { z } from "zod";
import type { AgentDefinition } from "../core/agent.ts";
import type { Problem } from "../core/condition.ts";
import { planWorkflow, type WorkflowStep } from "../core/dag.ts";
import { ConfigError, messageOf } from "../core/errors.ts";
import { stepProblems } from "../core/step-schema.ts";
import type { WorkflowDefinition } from "../core/workflow.ts";
import { exportedAgents } from "./agent-module.ts";
import { loadModule } from "./module-loader.ts";

/** A workflow and the agents that do it. */
export interface LoadedWorkflow {
  readonly id: string | undefined;
  readonly context: Readonly<Record<string, unknown>>;
  readonly steps: readonly WorkflowStep[];
  readonly agents: readonly AgentDefinition[];
}

const DATA = new Set([".json", ".yaml", ".yml"]);

/**
 * Loads a workflow: `.json`, `.yaml` and `.yml` as data, any other file as a module.
 *
 * @throws ConfigError that says what is wrong where; whatever a module itself throws.
 */
export async function loadWorkflow(file: string): Promise<LoadedWorkflow> {
  const loaded = DATA.has(extname(file)) ? await loadData(file) : await loadExport(file);
  const roles = new Set(loaded.agents.map(({ role }) => role));
  const step = loaded.steps.find(({ agent }) => !roles.has(agent));
  if (step === undefined) return loaded;
  throw new ConfigError(
    `"${file}": step "${step.id ?? `step${loaded.steps.indexOf(step)}`}" is for the agent "${step.agent}", ` +
      `which is not there; the agents are: ${[...roles].join(", ")}.`,
  );
}

/** The name of a run whose file gives none: the file's, and something that no other run has. */
export function newRunId(file: string): string {
  const name = basename(file, extname(file)).replace(/[^A-Za-z0-9_-]/g, "-");
  return `${name.slice(0, 40)}-${crypto.randomUUID().slice(0, 8)}`;
}

async function loadExport(file: string): Promise<LoadedWorkflow> {
  const module = await loadModule(file);
  const workflow = [module["workflow"], ...Object.values(module)].find(isWorkflow);
  if (workflow === undefined) {
    throw new ConfigError(
      `"${file}" exports no workflow. Export one: ` +
        "export const workflow = defineWorkflow({ steps: [{ agent, task }, …] }).",
    );
  }
  const { id, context, steps } = workflow;
  return {
    id,
    context,
    steps,
    agents: exportedAgents({ ...module, "workflow.agents": workflow.agents }, file),
  };
}

function isWorkflow(value: unknown): value is WorkflowDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { kind, steps, agents } = value as Partial<WorkflowDefinition>;
  return kind === "workflow" && Array.isArray(steps) && Array.isArray(agents);
}

const fileSchema = z.strictObject(
  {
    id: z.string().optional(),
    agents: z.string({ error: 'expected the file that exports the agents, as "./agents.ts"' }),
    context: z.record(z.string(), z.unknown()).optional(),
    steps: z.array(z.unknown(), { error: "expected a list of steps" }).min(1, "expected at least one step"),
  },
  { error: "expected a workflow, as { agents, steps }" },
);

async function loadData(file: string): Promise<LoadedWorkflow> {
  const source = readSource(file);
  const value: unknown = source.document.toJS();
  const parsed = fileSchema.safeParse(value);
  const problems = (parsed.error?.issues ?? []).flatMap((issue): Problem[] => {
    const path = issue.path as (string | number)[];
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    const message = `unknown name; known are: ${Object.keys(fileSchema.shape).join(", ")}`;
    return issue.keys.map((key) => ({ path: [key], message }));
  });
  const steps = (value as { readonly steps?: unknown } | null)?.steps;
  for (const [index, step] of (Array.isArray(steps) ? steps : []).entries()) {
    for (const { path, message } of stepProblems(step)) {
      problems.push({ path: ["steps", index, ...path], message });
    }
  }
  if (!parsed.success || problems.length > 0) {
    const told = problems.map((problem) => `- ${describeProblem(problem, source)}`);
    throw new ConfigError(`Cannot use "${file}":\n${told.join("\n")}`);
  }
  const { id, agents, context = {} } = parsed.data;
  const planned = parsed.data.steps as readonly WorkflowStep[];
  try {
    planWorkflow(planned);
  } catch (thrown) {
    throw new ConfigError(`Cannot use "${file}": ${messageOf(thrown)}`, { cause: thrown });
  }
  const module = join(dirname(file), agents);
  return { id, context, steps: planned, agents: exportedAgents(await loadModule(module), module) };
}

/** A file, read as YAML, which JSON is too. */
interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

function readSource(file: string): Source {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
    if (extname(file) === ".json") JSON.parse(text);
  } catch (thrown) {
    const why = existsSync(file) ? messageOf(thrown) : `there is no file ${resolve(file)}.`;
    throw new ConfigError(`Cannot read "${file}": ${why}`, { cause: thrown });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error === undefined) return { file, document, lines };
  const { line, col } = lines.linePos(error.pos[0]);
  throw new ConfigError(`Cannot read ${file}:${line}:${col}: ${error.message}`, { cause: error });
}

/** `flow.yaml:12: steps.2.when: what is expected`; the line is that of the nearest part that is there. */
function describeProblem({ path, message }: Problem, { file, document, lines }: Source): string {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const offset = offsetOf(document, path.slice(0, depth));
    if (offset === undefined) continue;
    const where = path.length === 0 ? "" : `${path.join(".")}: `;
    return `${file}:${lines.linePos(offset).line}: ${where}${message}`;
  }
  return `${file}: ${[...path, message].join(": ")}`;
}

/** Where a part of a document begins: a value of a map at its name. */
function offsetOf(document: Document, path: readonly (string | number)[]): number | undefined {
  const parent: unknown = document.getIn(path.slice(0, -1), true);
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => String(isNode(key) ? key : "") === String(path.at(-1)))
    : undefined;
  const node: unknown = pair?.key ?? (path.length === 0 ? document.contents : document.getIn(path, true));
  return isNode(node) ? node.range?.[0] : undefined;
}
