// Agents: frozen definitions of who does what. A prompt agent writes code for its tasks; a custom agent has a
// `handle` function of its own. Both become the same kind of actor.
// Invariant: a definition that exists is valid: everything wrong about it was an error in defineAgent().
import { checkBudget, type Budget } from "./budget.ts";
import type { ApprovalPolicy } from "./approval.ts";
import { DefinitionError, messageOf } from "./errors.ts";
import { DEFAULT_LIMITS, type GuestLimits } from "./guest.ts";
import type { Handler, Setup } from "./handler.ts";
import { checkMcp, refuseClash, type McpServers } from "./mcp.ts";
import type { Model } from "./model.ts";
import { resolveLimits } from "./limits.ts";
import { requireName } from "./names.ts";
import { PROFILE_NAMES, type ProfileName } from "./profile.ts";
import { checkForm, type ProseForm, type ProseFormat } from "./prose.ts";
import { checkRouting, type RoutingOptions } from "./routing.ts";
import { isSchema, type Schema } from "./schema.ts";
import { DEFAULT_SUPERVISION, type Supervision } from "./supervision.ts";
import { flattenTools, type ToolSet } from "./tool.ts";

/** Limits of an agent's tasks: those of each guest run, and of the task as a whole. */
export interface AgentLimits extends Partial<GuestLimits> {
  /** The whole task from its start, model calls and repairs included, in milliseconds. */
  readonly taskMs?: number;
}

/** Which model an agent asks, and how; what is absent is the mesh's choice. */
export interface ModelChoice {
  /** A model name in place of the provider's configured one. */
  readonly name?: string;
  /** A wish, as the provider takes it; where absent, the profile's, else the provider's own. */
  readonly temperature?: number;
  /** The longest answer; the provider's own bound where absent. */
  readonly maxOutputTokens?: number;
}

/** What code that worked before is used for. */
export type Reuse = "offer" | "exact" | "off";

/** Where the messages of a role wait. */
export type MailboxKind = "memory" | "durable";

interface CommonOptions<Role extends string, Out> {
  /** Unique in the mesh; 1 to 128 letters, digits, `_` and `-`. */
  readonly role: Role;
  /** What others find the agent by; at least one, of the same letters as a role. */
  readonly capabilities: readonly string[];
  /** What a successful task's output must be. */
  readonly output?: Schema<unknown, Out> | undefined;
  /** Limits of each run in the sandbox and of the task as a whole; the mesh's settings where absent. */
  readonly limits?: AgentLimits;
  /** Tasks of each actor under way at once; more wait in its queue. Default 16. */
  readonly concurrency?: number;
  /** Messages, and tasks, that may wait for each actor; more are an error to their sender. Default 1,024. */
  readonly mailboxSize?: number;
  /**
   * Where messages wait that are sent to the role: with its actor, and gone with it (`memory`, the default), or in a
   * queue of the role's own that outlives actors and processes (`durable`), from which any actor of the role takes them;
   * its handler may then see a message more than once, with the same id, and one that fails five times is kept as a dead
   * letter. Asks, broadcasts and messages to a single address always go to an actor that runs.
   */
  readonly mailbox?: MailboxKind;
  /** How crashes are answered; where absent, up to 5 restarts a minute, after 100 ms to 10 s. */
  readonly supervision?: Partial<Supervision>;
  /** What all tasks of the agent together may cost, for good; see BudgetBook for how it is raised. */
  readonly budget?: Budget;
  /** Called when an actor starts and each time it is restarted; what it returns is the handler's `state`. */
  readonly setup?: Setup;
}

/** What {@link defineAgent} takes for an agent that writes code. */
export interface PromptAgentOptions<Role extends string, Out> extends CommonOptions<Role, Out> {
  /** What the agent is and how it should solve its tasks. */
  readonly systemPrompt: string;
  /** What generated code may call, as `tools.<name>(input)`; nothing where absent. */
  readonly tools?: ToolSet;
  /** MCP servers whose tools the agent gets, each as a group: `files` is `tools.files`. */
  readonly mcp?: McpServers;
  /** A model of its own, or choices about the mesh's; the mesh's as it is where absent. */
  readonly model?: Model | ModelChoice;
  /** How often failed code goes back to the model, 0 to 20; the mesh's setting (3) where absent. */
  readonly maxRepairs?: number;
  /** How tasks are worked on; `auto` lets the kernel choose for each. Default `coder`. */
  readonly profile?: ProfileName | "auto";
  /** How `auto` chooses. */
  readonly routing?: RoutingOptions;
  /** The form of prose, for a communicator. Default Markdown, or JSON where the output is no text. */
  readonly format?: ProseFormat | ProseForm;
  /**
   * What code that worked before is used for: shown to the model as a reference, run in place of asking where it has
   * earned that, or nothing. Default `offer`.
   */
  readonly reuse?: Reuse;
  /** What a person must allow first: each code, each tool call, or neither ("never", the default). */
  readonly approval?: ApprovalPolicy;
  /** An approval that nobody gives within so many milliseconds ends the task; they wait for ever where absent. */
  readonly approvalTimeoutMs?: number;
  /** What makes a custom agent, which takes no prompt. */
  readonly handle?: undefined;
}

/** What {@link defineAgent} takes for an agent with logic of its own. */
export interface CustomAgentOptions<Role extends string, Out> extends CommonOptions<Role, Out> {
  /** Does the tasks and answers the messages: what it returns is the output or the answer. */
  readonly handle: Handler;
  /** What makes a prompt agent, which takes no handler. */
  readonly systemPrompt?: undefined;
}

interface CommonDefinition<Role extends string, Out> {
  readonly role: Role;
  readonly capabilities: readonly string[];
  readonly output: Schema<unknown, Out> | undefined;
  readonly limits: AgentLimits;
  readonly concurrency: number;
  readonly mailboxSize: number;
  readonly mailbox: MailboxKind;
  readonly supervision: Supervision;
  readonly budget: Budget | undefined;
  readonly setup: Setup | undefined;
}

/** An agent that writes code for its tasks. */
export interface PromptAgent<Role extends string = string, Out = unknown> extends CommonDefinition<
  Role,
  Out
> {
  readonly kind: "prompt";
  readonly systemPrompt: string;
  /** Those that the definition has; those of its servers join them when the agent starts. */
  readonly tools: ToolSet;
  readonly mcp: McpServers;
  readonly model: Model | ModelChoice | undefined;
  readonly maxRepairs: number | undefined;
  /** Undefined where none was named: the coder then. */
  readonly profile: ProfileName | "auto" | undefined;
  readonly routing: RoutingOptions | undefined;
  readonly format: ProseForm | undefined;
  readonly reuse: Reuse;
  readonly approval: ApprovalPolicy;
  readonly approvalTimeoutMs: number | undefined;
}

/** An agent with a handler of its own. */
export interface CustomAgent<Role extends string = string, Out = unknown> extends CommonDefinition<
  Role,
  Out
> {
  readonly kind: "custom";
  readonly handle: Handler;
}

/** A frozen, valid agent definition, made by {@link defineAgent}. */
export type AgentDefinition<Role extends string = string, Out = unknown> =
  PromptAgent<Role, Out> | CustomAgent<Role, Out>;

/** The type of a definition's output. */
export type OutputOf<D extends AgentDefinition> = D extends AgentDefinition<string, infer Out> ? Out : never;

const COMMON = [
  "role",
  "capabilities",
  "output",
  "limits",
  "concurrency",
  "mailboxSize",
  "mailbox",
  "supervision",
  "budget",
  "setup",
];
const PROMPT_OPTIONS = new Set([
  ...COMMON,
  "systemPrompt",
  "tools",
  "mcp",
  "model",
  "maxRepairs",
  "profile",
  "routing",
  "format",
  "reuse",
  "approval",
  "approvalTimeoutMs",
]);
const REUSES: readonly unknown[] = ["offer", "exact", "off"];
const CUSTOM_OPTIONS = new Set([...COMMON, "handle"]);
const LIMITS = new Set([...Object.keys(DEFAULT_LIMITS), "taskMs"]);
/** Timers of the runtimes count in 32 bits. */
const LONGEST_TIMER_MS = 2_147_483_647;
const MODEL_CHOICE = new Set(["name", "temperature", "maxOutputTokens"]);

/**
 * Defines an agent: with a `systemPrompt` it writes code for its tasks, with `handle` it runs your own.
 *
 * @throws DefinitionError that names the option which is missing, wrong or unknown.
 * @example
 * const calculator = defineAgent({
 *   role: "calculator",
 *   capabilities: ["math"],
 *   systemPrompt: "You are a math expert. Compute exactly.",
 *   output: z.number(),
 * });
 */
export function defineAgent<const Role extends string, Out = unknown>(
  options: PromptAgentOptions<Role, Out>,
): PromptAgent<Role, Out>;
export function defineAgent<const Role extends string, Out = unknown>(
  options: CustomAgentOptions<Role, Out>,
): CustomAgent<Role, Out>;
export function defineAgent<Role extends string, Out>(
  options: PromptAgentOptions<Role, Out> | CustomAgentOptions<Role, Out>,
): AgentDefinition<Role, Out> {
  if (typeof options !== "object" || (options as unknown) === null) {
    throw new DefinitionError("defineAgent() takes one object of options.");
  }
  requireName(options.role, "The agent's role");
  const who = `Agent "${options.role}"`;
  const custom = options.handle !== undefined;
  if (custom && options.systemPrompt !== undefined) {
    throw new DefinitionError(`${who} has both systemPrompt and handle: an agent has one or the other.`);
  }
  refuseUnknown(options, custom ? CUSTOM_OPTIONS : PROMPT_OPTIONS, `${who} has the unknown option`);
  const common = {
    role: options.role,
    capabilities: checkCapabilities(options.capabilities, who),
    output: options.output,
    limits: checkLimits(options.limits ?? {}, who),
    concurrency: checkCount(options.concurrency ?? 16, 1, 10_000, `${who}: concurrency`),
    mailboxSize: checkCount(options.mailboxSize ?? 1024, 1, 10_000_000, `${who}: mailboxSize`),
    mailbox: checkMailbox(options.mailbox ?? "memory", who),
    supervision: checkSupervision(options.supervision ?? {}, who),
    budget: options.budget === undefined ? undefined : checkBudget(options.budget, who),
    setup: options.setup,
  };
  if (options.output !== undefined && !isSchema(options.output)) {
    throw new DefinitionError(`${who}: output is not a schema, such as z.number().`);
  }
  if (options.setup !== undefined && typeof options.setup !== "function") {
    throw new DefinitionError(`${who}: setup is not a function.`);
  }
  if (options.handle !== undefined) {
    if (typeof options.handle !== "function") throw new DefinitionError(`${who}: handle is not a function.`);
    return Object.freeze({ kind: "custom" as const, ...common, handle: options.handle });
  }
  if (typeof options.systemPrompt !== "string" || options.systemPrompt.trim() === "") {
    throw new DefinitionError(`${who} needs a systemPrompt (or a handle function, for a custom agent).`);
  }
  const tools = options.tools ?? {};
  flattenTools(tools);
  const mcp = checkMcp(options.mcp ?? {}, who);
  refuseClash(tools, mcp, who);
  checkProfile(options, who);
  return Object.freeze({
    kind: "prompt" as const,
    ...common,
    systemPrompt: options.systemPrompt,
    tools: Object.freeze({ ...tools }),
    mcp,
    model: checkModel(options.model, who),
    maxRepairs:
      options.maxRepairs === undefined
        ? undefined
        : checkCount(options.maxRepairs, 0, 20, `${who}: maxRepairs`),
    profile: options.profile,
    routing: options.routing === undefined ? undefined : checkRouting(options.routing, who),
    format: options.format === undefined ? undefined : checkForm(options.format, who),
    reuse: options.reuse ?? "offer",
    approval: checkApproval(options.approval ?? "never", who),
    approvalTimeoutMs:
      options.approvalTimeoutMs === undefined
        ? undefined
        : checkCount(options.approvalTimeoutMs, 1, Number.MAX_SAFE_INTEGER, `${who}: approvalTimeoutMs`),
  });
}

/** The options that depend on one another. */
function checkProfile(options: PromptAgentOptions<string, unknown>, who: string): void {
  const { profile, routing, format, reuse, tools = {}, mcp = {} } = options;
  const names: readonly unknown[] = [...PROFILE_NAMES, "auto"];
  if (profile !== undefined && !names.includes(profile)) {
    throw new DefinitionError(
      `${who}: profile must be ${names.map((name) => JSON.stringify(name)).join(", ")}, not ${JSON.stringify(profile)}.`,
    );
  }
  if (reuse !== undefined && !REUSES.includes(reuse)) {
    throw new DefinitionError(
      `${who}: reuse must be "offer", "exact" or "off", not ${JSON.stringify(reuse)}.`,
    );
  }
  const hasTools = Object.keys({ ...tools, ...mcp }).length > 0;
  const fault =
    profile === "researcher" && !hasTools
      ? "a researcher finds out by tools, and it has none: give it some, or choose another profile"
      : profile === "communicator" && hasTools
        ? "a communicator writes prose, which cannot call tools: drop them, or choose another profile"
        : routing !== undefined && profile !== "auto"
          ? 'routing is for profile: "auto"'
          : format !== undefined && profile !== "communicator" && profile !== "auto"
            ? 'format is for prose: it needs profile: "communicator" or "auto"'
            : undefined;
  if (fault !== undefined) throw new DefinitionError(`${who}: ${fault}.`);
}

function refuseUnknown(options: object, known: ReadonlySet<string>, what: string): void {
  for (const key of Object.keys(options)) {
    if (!known.has(key)) {
      throw new DefinitionError(`${what} "${key}"; known are: ${[...known].join(", ")}.`);
    }
  }
}

function checkCapabilities(capabilities: readonly string[], who: string): readonly string[] {
  if (!Array.isArray(capabilities) || capabilities.length === 0) {
    throw new DefinitionError(`${who} needs at least one capability: others find it by them.`);
  }
  for (const capability of capabilities) requireName(capability, `${who}: capability`);
  return Object.freeze([...new Set<string>(capabilities)]);
}

function checkLimits(limits: AgentLimits, who: string): AgentLimits {
  refuseUnknown(limits, LIMITS, `${who} has the unknown limit`);
  const { taskMs, ...guest } = limits;
  if (taskMs !== undefined) checkCount(taskMs, 1, LONGEST_TIMER_MS, `${who}: limits.taskMs`);
  try {
    resolveLimits(guest);
  } catch (thrown) {
    throw new DefinitionError(`${who}: ${messageOf(thrown)}`);
  }
  return Object.freeze({ ...limits });
}

function checkSupervision(given: Partial<Supervision>, who: string): Supervision {
  refuseUnknown(
    given,
    new Set(Object.keys(DEFAULT_SUPERVISION)),
    `${who} has the unknown supervision option`,
  );
  for (const [name, value] of Object.entries(given)) {
    checkCount(value, 0, Number.MAX_SAFE_INTEGER, `${who}: supervision.${name}`);
  }
  return Object.freeze({ ...DEFAULT_SUPERVISION, ...given });
}

function checkModel(model: Model | ModelChoice | undefined, who: string): Model | ModelChoice | undefined {
  if (model === undefined || isModel(model)) return model;
  if (typeof model !== "object" || (model as unknown) === null) {
    throw new DefinitionError(`${who}: model must be a model or { name, temperature, maxOutputTokens }.`);
  }
  refuseUnknown(model, MODEL_CHOICE, `${who} has the unknown model option`);
  return Object.freeze({ ...model });
}

function checkApproval(approval: unknown, who: string): ApprovalPolicy {
  if (approval === "code" || approval === "tools" || approval === "never") return approval;
  throw new DefinitionError(
    `${who}: approval must be "code", "tools" or "never", not ${JSON.stringify(approval)}.`,
  );
}

/** Whether what was given where a model may stand is one. */
export function isModel(given: object): given is Model {
  return typeof (given as Partial<Model>).ask === "function";
}

function checkCount(value: unknown, min: number, max: number, what: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new DefinitionError(
      `${what} must be a whole number from ${min} to ${max}, not ${JSON.stringify(value)}.`,
    );
  }
  return value;
}

function checkMailbox(mailbox: unknown, who: string): MailboxKind {
  if (mailbox === "memory" || mailbox === "durable") return mailbox;
  throw new DefinitionError(
    `${who}: mailbox is ${JSON.stringify(mailbox)}: it must be "memory" or "durable".`,
  );
}
