// The protocol's libraries are large, and most programs use neither side of them.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectRoot } from "../harness/program.ts";

it("is loaded by nothing that does not use MCP", async () => {
  const dist = join(projectRoot, "dist/src");
  const files = (await readdir(dist, { recursive: true })).filter((file) => file.endsWith(".js"));
  const others = files.filter((file) => !/^(?:app\/)?mcp\//.test(file.replaceAll("\\", "/")));
  const loading: string[] = [];
  for (const file of others) {
    const text = await readFile(join(dist, file), "utf8");
    // Static imports, of the libraries or of what imports them; `import()` is what may load them.
    if (/^import\b[^;]*?from "(?:@modelcontextprotocol|[./]+\/mcp\/)/m.test(text)) loading.push(file);
  }
  expect(others.length).toBeGreaterThan(200);
  expect(loading).toEqual([]);
});
