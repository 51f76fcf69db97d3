// Several fabrics of one process on one folder: each is opened and closed while the others write.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-shared-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("are opened, written by and closed while another of the same folder writes, and all see the same", async () => {
  const dataDirectory = join(folder, "data");
  await using first = createEmbeddedFabric({ dataDirectory });
  const write = async (fabric: typeof first, name: string) => {
    for (let at = 0; at < 20; at += 1) await fabric.keyValue.put("bucket", `${name}-${at}`, "x");
  };
  const writing = write(first, "first");
  for (let round = 0; round < 5; round += 1) {
    const other = createEmbeddedFabric({ dataDirectory });
    await Promise.all([write(other, `other-${round}`), write(first, `beside-${round}`)]);
    await other.close();
    await expect(other.keyValue.put("bucket", "late", "x")).rejects.toThrow("the fabric is closed");
  }
  await writing;
  expect((await first.keyValue.keys("bucket")).length).toBe(220);
});

it("open the file anew once all have closed it", async () => {
  const dataDirectory = join(folder, "anew");
  for (let round = 0; round < 3; round += 1) {
    await using fabric = createEmbeddedFabric({ dataDirectory });
    await using other = createEmbeddedFabric({ dataDirectory: join(dataDirectory, "..", "anew") });
    await fabric.keyValue.put("bucket", `a${round}`, "x");
    expect((await other.keyValue.keys("bucket")).length).toBe(round + 1);
  }
});
