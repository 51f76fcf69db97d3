// Profiles: the three ways in which an agent solves a task, as data. A coder computes by code, a researcher calls
// tools by code and names its sources, a communicator writes prose, and the draft itself is the output.
// Invariant: a profile depends on nothing but its name, so that what begins with its contract can be cached; the
// coder's contract stays as it is, letter by letter: recorded answers are found by it.
import type { Budget } from "./budget.ts";

/** The profiles by name. */
export const PROFILE_NAMES = ["coder", "researcher", "communicator"] as const;

/** The name of a profile. */
export type ProfileName = (typeof PROFILE_NAMES)[number];

/** How able a model a profile asks for, where there is a choice. */
export type ModelTier = "fast" | "standard" | "strong";

/** How a task is worked on. */
export interface Profile {
  readonly name: ProfileName;
  /** What it does, in a few words, as told to the model that chooses between profiles. */
  readonly purpose: string;
  /** What the model's answer is: a program to run, or the output itself. */
  readonly draft: "code" | "prose";
  /** The first part of what the model is told: how to answer. */
  readonly contract: string;
  /** Where neither the agent nor the caller chose one; undefined for the provider's own. */
  readonly temperature: number | undefined;
  readonly tier: ModelTier;
  /** Of one task, where neither the agent nor the caller set one; undefined for none. */
  readonly budget: Budget | undefined;
}

const CODE_CONTRACT = `You solve each task by writing one JavaScript program. It is run once, and the value it leaves in \`result\` is the answer.

How your program runs:
- ECMAScript 2023 in QuickJS, in a sandbox of its own: there is no network, no file system, no process, no DOM, no require and no import. Beyond the language there are only console, setTimeout, setInterval and structuredClone: no fetch, URL, TextEncoder, Buffer or Intl.
- Assign the answer to \`result\` at the top level: \`result = …\` or \`const result = …\`. If \`result\` is never assigned, the run fails.
- \`result\` may hold JSON data, undefined, NaN, BigInt, Date, Map, Set, typed arrays, RegExp and Error; no functions, no symbols, no cycles.
- Top-level \`await\` works. \`context\` is a global with the task's data.
- Date.now() and Math.random() work, but time stands still while your code computes.
- What you write with console.log is shown to you if the run fails.
- Never invent data that a tool or the context should give: throw an error that says what is missing.

Answer with exactly one fenced code block of JavaScript (or TypeScript; its types are removed) and nothing else.`;

const RESEARCH_CONTRACT = `${CODE_CONTRACT}

Your task is research:
- Find out by calling the tools; what you remember is no source. Call several at once where they do not depend on one another.
- Give findings: in \`result.findings\` a list of { claim, sources }, unless the type of \`result\` below says otherwise. A claim is one sentence that its sources say.
- \`sources\` holds addresses, titles or ids, each exactly as a tool returned it. Take them from what the tools return, never write them yourself: each is looked for there, and one that no tool returned is an error.
- Where the tools say nothing, throw an error that says what could not be found.`;

const PROSE_CONTRACT = `You solve each task by writing. Your answer is the finished text: it is given to its readers as it is.

How to write:
- Answer with the text alone: no introduction, no remark about it, no fence around it.
- Everything that the text says of facts and figures comes from the task and its data. Where something is missing, leave it out: invent nothing and leave no placeholder.
- No tool and no program will run: there is nothing to call.`;

/** A profile by its name; the coder where none is named. */
export function profileOf(name: string | null | undefined): Profile {
  return PROFILE_NAMES.includes(name as ProfileName) ? PROFILES[name as ProfileName] : PROFILES.coder;
}

/** All profiles. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = Object.freeze({
  coder: Object.freeze({
    name: "coder",
    purpose: "computes the answer by a program: numbers, dates, lists, data that is turned into other data",
    draft: "code",
    contract: CODE_CONTRACT,
    temperature: undefined,
    tier: "standard",
    budget: undefined,
  }),
  researcher: Object.freeze({
    name: "researcher",
    purpose: "finds out by calling retrieval tools, and gives findings that name their sources",
    draft: "code",
    contract: RESEARCH_CONTRACT,
    temperature: 0.2,
    tier: "strong",
    budget: Object.freeze({ modelCalls: 12, toolCalls: 200 }),
  }),
  communicator: Object.freeze({
    name: "communicator",
    purpose: "writes prose from what it is given: a report, a letter, a summary, a translation",
    draft: "prose",
    contract: PROSE_CONTRACT,
    temperature: 0.7,
    tier: "fast",
    budget: Object.freeze({ modelCalls: 8 }),
  }),
});
