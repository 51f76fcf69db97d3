// Agents over HTTP: who there is in the mesh, and what runs here; roles are paused and resumed.
// Invariant: what is paused are the actors of all nodes, or of the one that is named; who did not answer is told.
import { z } from "zod";
import { nameForm } from "./task-forms.ts";
import { Problem } from "./problem.ts";
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
const switchedForm = agentForm
  .extend({
    switched: z.int().meta({ description: "The actors that it was said to, on all nodes." }),
    silent: z
      .array(z.string())
      .meta({ description: "Nodes that did not answer: theirs may go on as before." }),
  })
  .meta({ id: "SwitchedAgent" });
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
    query: z.strictObject({
      node: nameForm.optional().meta({ description: "The only node that it is for; all where absent." }),
    }),
    doc: {
      id: `${verb}Agent`,
      tag: TAG,
      summary,
      description,
      answers: { 200: { description: "The agent.", schema: switchedForm } },
      problems: [404],
    },
    handle: async ({ service, name: role, requestId, query: { node } }) => {
      const { mesh, log } = service;
      const { nodes } = mesh.view;
      const known = await nodes.names();
      if (node !== undefined && !known.includes(node)) {
        throw new Problem(
          404,
          "NOT_FOUND",
          `No node "${node}" is in this mesh (there are: ${known.join(", ")}).`,
        );
      }
      const isPaused = verb === "pause";
      const { actors: switched, silent } = await nodes.pause(node === undefined ? known : [node], {
        role,
        isPaused,
      });
      log.info({ requestId, role, node, switched }, isPaused ? "a role is paused" : "a role is resumed");
      const agent = (await agentsOf(mesh)).find((one) => one.role === role);
      return jsonAnswer({ ...agent, switched, silent });
    },
  });
}

/** All of them. */
export const agentRoutes: readonly Route[] = [
  listAgents,
  switchRoute(
    "pause",
    "Pause a role",
    "Its tasks and messages are taken in but wait; what runs goes on. On all nodes, or the one that is named; not on " +
      "those that start later.",
  ),
  switchRoute("resume", "Let a paused role go on", "On all nodes, or the one that is named."),
];

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
