// Agents over HTTP: who there is in the mesh, and what runs here; roles are paused and resumed.
// Invariant: what is paused are the actors of this process; those of other nodes go on.
import { z } from "zod";
import { UnknownError } from "../../core/errors.ts";
import type { MeshSystem } from "../../mesh.ts";
import { jsonAnswer } from "./answer.ts";
import { defineRoute, type Route } from "./route.ts";

const TAG = "Agents";

const agentForm = z
  .object({
    role: z.string(),
    capabilities: z.array(z.string()),
    actors: z.int().meta({ description: "Those that run, on all nodes." }),
    here: z
      .object({
        kind: z.enum(["prompt", "custom"]),
        actors: z.int(),
        ready: z.int().meta({ description: "Those that take tasks up now: 0 where the role is paused." }),
        running: z.int().meta({ description: "Tasks that they work on." }),
      })
      .nullable()
      .meta({ description: "What runs in this process; null where nothing does." }),
  })
  .meta({ id: "Agent" });
type AgentInfo = z.output<typeof agentForm>;

const listAgents = defineRoute({
  method: "GET",
  path: "/v1/agents",
  doc: {
    id: "listAgents",
    tag: TAG,
    summary: "List the agents of the mesh",
    answers: { 200: { description: "The agents.", schema: z.object({ agents: z.array(agentForm) }) } },
  },
  handle: async ({ service }) => jsonAnswer({ agents: await agentsOf(service.mesh) }),
});

function switchRoute(verb: "pause" | "resume", summary: string, description: string): Route {
  return defineRoute({
    method: "POST",
    path: `/v1/agents/{role}/${verb}`,
    body: z.strictObject({}),
    bodyOptional: true,
    doc: {
      id: `${verb}Agent`,
      tag: TAG,
      summary,
      description,
      answers: { 200: { description: "The agent.", schema: agentForm } },
      problems: [404],
    },
    handle: async ({ service, name, requestId }) => {
      const { mesh, log } = service;
      requireHere(mesh, name);
      mesh[verb](name);
      log.info({ requestId, role: name }, verb === "pause" ? "a role is paused" : "a role is resumed");
      return jsonAnswer((await agentsOf(mesh)).find(({ role }) => role === name));
    },
  });
}

/** All of them. */
export const agentRoutes: readonly Route[] = [
  listAgents,
  switchRoute(
    "pause",
    "Pause a role",
    "Its tasks and messages are taken in but wait; what runs goes on. In this process only.",
  ),
  switchRoute("resume", "Let a paused role go on", "In this process only."),
];

/** @throws UnknownError where no agent of the role runs here. */
function requireHere(mesh: MeshSystem, role: string): void {
  const roles = mesh.agents.map((agent) => agent.role);
  if (roles.includes(role)) return;
  const known = roles.join(", ") || "none";
  throw new UnknownError(
    "AGENT_UNKNOWN",
    `No agent with the role "${role}" runs in this process (there are: ${known}).`,
  );
}

async function agentsOf(mesh: MeshSystem): Promise<readonly AgentInfo[]> {
  const [actors, elsewhere] = await Promise.all([mesh.discover(), mesh.view.roles()]);
  const own = mesh.agents;
  const others = elsewhere.filter(({ role }) => own.every((agent) => agent.role !== role));
  const countOf = (role: string) => actors.filter((actor) => actor.role === role).length;
  return [
    ...own.map((agent): AgentInfo => {
      const { role, capabilities, definition } = agent;
      const here = { kind: definition.kind, ...agent.standing() };
      return { role, capabilities: [...capabilities], actors: countOf(role), here };
    }),
    ...others.map(({ role, capabilities }): AgentInfo => {
      return { role, capabilities: [...capabilities], actors: countOf(role), here: null };
    }),
  ];
}
