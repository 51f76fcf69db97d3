// Tools from an MCP server that others publish: an agent sorts the notes of a folder, by code that calls the server.
// Whatever may destroy something waits for a person; here the program plays that person, and shows what it allows.
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { defineAgent, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

const folder = await realpath(await mkdtemp(join(tmpdir(), "notes-")));
const NOTES = {
  "monday.txt": "urgent: call the bank",
  "tuesday.txt": "buy bread",
  "friday.txt": "urgent: pay the rent",
};
for (const [name, text] of Object.entries(NOTES)) await writeFile(join(folder, name), `${text}\n`);

const librarian = defineAgent({
  role: "librarian",
  capabilities: ["files"],
  systemPrompt: "You keep the notes of context.folder in order. Change nothing but what you are asked to.",
  mcp: {
    files: {
      command: "npx",
      args: ["-y", "@modelcontextprotocol/server-filesystem", folder],
      // Where npx finds the server, if it is installed there; else it downloads it.
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      include: ["list_directory", "read_text_file", "write_file"],
      approval: "destructive",
    },
  },
  output: z.array(z.string()),
});

const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(librarian);
mesh.subscribe((event) => {
  if (event.type === "tool" && event.phase === "called") console.log(`  ${event.tool}`);
  if (event.type !== "approval" || event.subject.type !== "tools") return;
  console.log(`  allowed: ${event.subject.calls.map(({ tool }) => tool).join(", ")}`);
  void mesh.approve(event.approvalId, { by: "the program" });
});
await mesh.start();
const result = await mesh.execute("librarian", {
  task: "Write the urgent notes to urgent.md, one line each, the oldest day of the week first, and give those lines.",
  context: { folder },
});
await mesh.stop();

console.log(result.code);
console.log(result.status, result.output);
assert.deepEqual(result.output, ["- call the bank", "- pay the rent"]);
assert.equal(await readFile(join(folder, "urgent.md"), "utf8"), "- call the bank\n- pay the rent\n");
assert.deepEqual((await readdir(folder)).sort(), [...Object.keys(NOTES), "urgent.md"].sort());
