// A server's tools as tools of ours: names, types, values, limits of what is shown; with servers that others publish.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { declareTools } from "#src/core/declaration";
import { validate } from "#src/core/schema";
import { collectLog, everythingServer, filesServer, oddServer, openServer } from "./servers.ts";

describe("the tools of a published server", () => {
  let everything: Awaited<ReturnType<typeof openServer>>;
  beforeAll(async () => {
    everything = await openServer(everythingServer(), collectLog(), "everything");
  });
  afterAll(() => everything.close());

  it("are declared with their own types, in and out", async () => {
    const text = declareTools({ everything: await everything.tools() });
    expect(text).toContain(
      "get_sum(input: { /** First number */ a: number; /** Second number */ b: number }): Promise<string | { type:",
    );
    expect(text).toContain(
      'get_structured_content(input: { /** Choose city */ location: "New York" | "Chicago" | "Los Angeles" }): ' +
        "Promise<{ /** Temperature in celsius */ temperature: number; /** Weather conditions description */ conditions: string;",
    );
  });

  it("give text as text", async () => {
    await expect(everything.call("get_sum", { a: 2, b: 3 })).resolves.toBe("The sum of 2 and 3 is 5.");
  });

  it("give structured content as it is", async () => {
    const weather = await everything.call("get_structured_content", { location: "Chicago" });
    expect(weather).toMatchObject({
      temperature: expect.any(Number) as unknown,
      conditions: expect.any(String) as unknown,
    });
  });

  it("give images, resources and links as blocks, their bytes as bytes", async () => {
    const image = (await everything.call("get_tiny_image")) as { type: string; data?: Uint8Array }[];
    expect(image.map(({ type }) => type)).toContain("image");
    const bytes = image.find(({ type }) => type === "image")?.data;
    expect([...(bytes?.subarray(1, 4) ?? [])]).toEqual([0x50, 0x4e, 0x47]);
    const resource = await everything.call("get_resource_reference", { resourceType: "Text", resourceId: 1 });
    expect(resource).toContainEqual(
      expect.objectContaining({
        type: "resource",
        uri: "demo://resource/dynamic/text/1",
        text: expect.any(String) as unknown,
      }),
    );
    const links = await everything.call("get_resource_links", { count: 1 });
    expect(links).toContainEqual(
      expect.objectContaining({ type: "link", uri: expect.any(String) as unknown }),
    );
  });

  it("are validated before they are called", async () => {
    const { get_sum: sum } = await everything.tools();
    const checked = await validate(sum?.input ?? (null as never), { a: 1, b: "2" });
    expect(checked).toMatchObject({
      ok: false,
      problem: expect.stringContaining("data/b must be number") as unknown,
    });
  });
});

describe("the published server for files", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-mcp-"));
    await writeFile(join(folder, "note.txt"), "kept\n");
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("reads inside its folder, and its refusal of what is outside is an error", async () => {
    await using files = await openServer(filesServer(folder), collectLog(), "files");
    await expect(files.call("read_text_file", { path: join(folder, "note.txt") })).resolves.toEqual({
      content: "kept\n",
    });
    await expect(files.call("read_text_file", { path: "/etc/hosts" })).rejects.toThrow(
      /^read_text_file failed: Access denied/,
    );
  });

  it("asks for approval of what may destroy, where that is wanted", async () => {
    await using files = await openServer(
      { ...filesServer(folder), approval: "destructive" },
      collectLog(),
      "files",
    );
    const tools = await files.tools();
    const asked = Object.entries(tools).flatMap(([name, tool]) =>
      tool.needsApproval(null as never) ? [name] : [],
    );
    expect(asked).toContain("write_file");
    expect(asked).not.toContain("read_text_file");
  });

  it("asks for all or none of them otherwise", async () => {
    await using all = await openServer({
      ...filesServer(folder),
      approval: "always",
      include: ["read_text_file"],
    });
    await using none = await openServer({ ...filesServer(folder), include: ["write_file"] });
    const [read] = Object.values(await all.tools());
    const [write] = Object.values(await none.tools());
    expect([read?.needsApproval(null as never), write?.needsApproval(null as never)]).toEqual([true, false]);
  });
});

describe("names", () => {
  it("that a guest cannot call are made callable", async () => {
    await using server = await openServer(oddServer());
    expect(Object.keys(await server.tools())).toEqual(expect.arrayContaining(["_2_fold_name", "context_"]));
    await expect(server.call("_2_fold_name")).resolves.toBe("a name that is no identifier");
  });

  it("that come to be the same are refused, and one may be left out", async () => {
    await expect(openServer(oddServer("clash"))).rejects.toThrow(
      'would both call odd.read_file(): "read-file", "read_file". Leave one out: { exclude: ["read_file"] }.',
    );
    await using server = await openServer({ ...oddServer("clash"), exclude: ["read-file"] });
    expect(await server.tools()).toHaveProperty("read_file");
  });

  it("of include and exclude must be there", async () => {
    await expect(openServer({ ...oddServer(), include: ["pid", "pidd"] })).rejects.toThrow(
      /has no tool "pidd", which include or exclude names\. It has: pid, env/,
    );
  });
});

describe("what a server offers", () => {
  it("is taken from all pages of its list", async () => {
    await using one = await openServer(oddServer());
    await using paged = await openServer(oddServer("pages"));
    expect(Object.keys(await paged.tools())).toEqual(Object.keys(await one.tools()));
  });

  it("must have schemas that can be used; a tool without may be left out", async () => {
    await expect(openServer(oddServer("schema"))).rejects.toThrow(
      /The tool "bad" of the MCP server "odd" cannot be used: .*strin.*\. Leave it out: { exclude: \["bad"\] }/,
    );
    await using server = await openServer({ ...oddServer("schema"), exclude: ["bad"] });
    await expect(server.call("lines")).resolves.toBe("one\ntwo");
  });

  it("is refused where it would fill a model's prompt, and can be narrowed", async () => {
    await expect(openServer(oddServer("many"))).rejects.toThrow(
      /has 20\d\d tools, and to declare them to a model takes \d+ characters of at most 100000/,
    );
    await using server = await openServer({ ...oddServer("many"), include: ["tool_7"] });
    expect(Object.keys(await server.tools())).toEqual(["tool_7"]);
  });

  it("must be something", async () => {
    await expect(openServer(oddServer("none"))).rejects.toThrow('"odd" gives no tools');
  });

  it("is looked at again when the server says that it has changed", async () => {
    const log = collectLog();
    await using server = await openServer(oddServer(), log);
    const before = await server.tools();
    await server.call("grow");
    expect(before).not.toHaveProperty("grown");
    expect(log.lines.join("\n")).toContain("the tools of an MCP server have changed");
    await expect(server.call("grown")).resolves.toBe("grown");
  });
});

describe("an answer", () => {
  it("that is an error is one, in the server's words", async () => {
    await using server = await openServer(oddServer());
    await expect(server.call("refused")).rejects.toThrow("refused failed: the disk is full");
  });

  it("that lacks the declared output is an error", async () => {
    await using server = await openServer(oddServer());
    await expect(server.call("absent")).rejects.toThrow("absent gave no structured content");
  });

  it("that is not as declared is found by the tool's own schema", async () => {
    await using server = await openServer(oddServer());
    const { wrong } = await server.tools();
    const checked = await validate(wrong?.output ?? (null as never), await server.call("wrong"));
    expect(checked).toMatchObject({
      ok: false,
      problem: expect.stringContaining("data/n must be number") as unknown,
    });
  });
});
