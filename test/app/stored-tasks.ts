// Tasks in a data folder, made by a real mesh with a scripted model, for commands that look at them afterwards.
import { join } from "node:path";
import { createEmbeddedFabric, defineAgent, defineTool, type AgentDefinition, type Fabric } from "fettle";
import { TestMesh, type TestMeshOptions } from "fettle/testing";
import { z } from "zod";
import { createSubjects } from "#src/core/subjects";
import { writeEntries, type JournalEntry } from "#src/core/journal";

/** The name of the meshes that {@link TestMesh} makes, as the commands must be told it. */
export const MESH = { FETTLE_MESH: "test" };

const subjects = createSubjects("test");

/** The data of a folder, as `fettle` finds it there. */
export function openData(folder: string): Fabric {
  return createEmbeddedFabric({
    dataDirectory: join(folder, ".fettle"),
    blobDirectory: join(folder, "logs"),
  });
}

export const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math"],
  systemPrompt: "Compute.",
  tools: {
    dice: defineTool({
      description: "Throws dice.",
      input: z.object({ sides: z.number() }),
      execute: ({ sides }) =>
        sides > 0 ? 1 + Math.floor(Math.random() * sides) : Promise.reject(new Error("no sides")),
    }),
  },
});

export const clerk = defineAgent({
  role: "clerk",
  capabilities: ["letters"],
  systemPrompt: "Write.",
  approval: "tools",
  tools: {
    send: defineTool({
      description: "Sends a letter.",
      input: z.object({ to: z.string() }),
      execute: ({ to }) => `sent to ${to}`,
    }),
  },
});

/** A mesh on the folder's data. */
export function meshOn(
  fabric: Fabric,
  agents: readonly AgentDefinition[],
  options: TestMeshOptions = {},
): Promise<TestMesh> {
  const mesh = new TestMesh({ fabric, ...options });
  for (const agent of agents) mesh.add(agent);
  return mesh.start();
}

/** Code as a model answers it. */
export function fenced(code: string): string {
  return `\`\`\`js\n${code}\n\`\`\``;
}

/** Writes a journal by hand, each group of entries as one append. */
export async function writeJournal(
  fabric: Fabric,
  taskId: string,
  ...groups: readonly (readonly JournalEntry[])[]
): Promise<void> {
  let sequence = 0;
  for (const group of groups) {
    sequence = await fabric.ledger.append(subjects.journal(taskId), writeEntries(group), sequence);
  }
}

/** How a task was accepted. */
export function accepted(taskId: string, at: number, role = "calculator"): JournalEntry {
  return {
    at,
    type: "accepted",
    taskId,
    role,
    task: `The task ${taskId}`,
    context: {},
    resultId: `r-${taskId}`,
    step: null,
    budget: null,
    profile: null,
  };
}
