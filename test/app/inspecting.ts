// A folder with agents of a user, and commands that show a mesh there as processes of their own.
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { StatelyPlace } from "#src/app/stately/stately";
import { startFettle, type LiveCommand } from "../harness/live-command.ts";
import { layProject } from "../harness/project-folder.ts";
import { runFettle, type Run } from "../harness/program.ts";

const AGENTS = `import { defineAgent } from "fettle";
const agent = (role, handle) => defineAgent({ role, capabilities: [role + "ing"], handle });
export const agents = [
  agent("echo", (task) => task.task),
  agent("slow", () => new Promise((resolve) => setTimeout(resolve, 600_000))),
  defineAgent({ role: "worker", capabilities: ["working"], systemPrompt: "You work." }),
];
`;

/** Of at least 16 characters. */
export const TOKEN = "a-token-that-is-long-enough";

/** What a command that shows a mesh says with --json. */
export interface Shown {
  readonly type: string;
  readonly url: string;
  readonly port: number;
  readonly mesh: string;
  readonly mode: string;
  readonly inspector?: string;
  readonly stately?: StatelyPlace;
}

/** The folder, and commands in it. */
export interface Ground {
  readonly folder: string;
  /** Starts a command, with data of its own unless it is told otherwise; it says where it listens. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<LiveCommand>;
  /** Runs one to its end. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run>;
}

/** The ground of a file's tests. */
export function groundForTests(): Ground {
  let folder = "";
  beforeAll(async () => {
    folder = await layProject("inspect", { "agents.js": AGENTS, token: `${TOKEN}\n` });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const place = async (env: Readonly<Record<string, string>>) => ({
    cwd: folder,
    env: {
      FETTLE_INSPECT_PORT: "0",
      FETTLE_HTTP_PORT: "0",
      FETTLE_DATA_DIRECTORY: await mkdtemp(join(folder, "data-")),
      LOG_DIRECTORY: join(folder, "logs"),
      FETTLE_SANDBOX_ISOLATES: "1",
      OPENAI_API_KEY: "sk-test-0123456789abcdef",
      ...env,
    },
  });
  return {
    get folder() {
      return folder;
    },
    start: async (args, env = {}) => startFettle([...args, "--json"], await place(env)),
    run: async (args, env = {}) => runFettle(args, await place(env)),
  };
}

/** What a command has said of where it listens. */
export async function shownBy(command: LiveCommand): Promise<Shown> {
  return (await command.told) as unknown as Shown;
}

/** Asks the inspector at an address for some of its data; null where it is refused. */
export async function ask<T>(url: string, path: string, token?: string): Promise<T | null> {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(new URL(path, url), { headers });
  const body: unknown = await answer.json();
  return answer.ok ? (body as T) : null;
}

/** Gives a task to the service at an address; its answer. */
export async function post(service: string, task: object, query = ""): Promise<unknown> {
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(task) };
  const answer = await fetch(`${service}/v1/tasks${query}`, init);
  return answer.json();
}
