// What every fabric's blobs must do.
import { afterEach, describe, expect, it } from "vitest";
import type { Blobs, Fabric } from "#src/core/ports";
import type { MakeFabric } from "./messages.ts";

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** The suite for the port Blobs. */
export function blobsContract(make: MakeFabric): void {
  describe("blobs", () => {
    const fabrics: Fabric[] = [];
    const open = async (): Promise<Blobs> => {
      const fabric = await make();
      fabrics.push(fabric);
      return fabric.blobs;
    };
    afterEach(async () => {
      for (const fabric of fabrics.splice(0)) await fabric.close();
    });

    it("gives null for a blob that is not there", async () => {
      const blobs = await open();
      expect(await blobs.read("absent")).toBeNull();
      expect(await blobs.read("no/such/folder")).toBeNull();
      expect(await blobs.list()).toEqual([]);
      expect(await blobs.list("no/such/")).toEqual([]);
    });

    it("gives back text and bytes as they were written", async () => {
      const blobs = await open();
      await blobs.write("reports/2026/june.md", "# é ☃ 𝄞\n");
      expect(text(await blobs.read("reports/2026/june.md"))).toBe("# é ☃ 𝄞\n");
      const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index % 256);
      await blobs.write("bytes.bin", bytes);
      const read = await blobs.read("bytes.bin");
      expect(read).toBeInstanceOf(Uint8Array);
      expect(Buffer.compare(Buffer.from(read ?? []), Buffer.from(bytes))).toBe(0);
      await blobs.write("empty", "");
      expect(await blobs.read("empty")).toHaveLength(0);
    });

    it("replaces a blob whole: a reader sees one version or another, never a mixture", async () => {
      const blobs = await open();
      const versions = ["a", "b", "c", "d"].map((letter, index) => letter.repeat(100_000 + index));
      await blobs.write("doc", versions[0] ?? "");
      const written = new AbortController();
      const seen = new Set<string | null>();
      const reader = (async () => {
        while (!written.signal.aborted) seen.add(text(await blobs.read("doc")));
      })();
      for (let round = 0; round < 5; round += 1)
        for (const version of versions) await blobs.write("doc", version);
      written.abort();
      await reader;
      for (const value of seen) expect(versions).toContain(value);
      expect(text(await blobs.read("doc"))).toBe(versions[3]);
    });

    it("survives many writers of one blob with one of their versions", async () => {
      const blobs = await open();
      const versions = Array.from({ length: 12 }, (_, index) => String(index).repeat(10_000));
      await Promise.all(versions.map((version) => blobs.write("doc", version)));
      expect(versions).toContain(text(await blobs.read("doc")));
      expect(await blobs.list()).toEqual(["doc"]);
    });

    it("deletes a blob, and one that is not there without complaint", async () => {
      const blobs = await open();
      await blobs.write("a/b", "1");
      await blobs.delete("a/b");
      await blobs.delete("a/b");
      expect(await blobs.read("a/b")).toBeNull();
      expect(await blobs.list()).toEqual([]);
    });

    it("lists paths by prefix, sorted by their characters", async () => {
      const blobs = await open();
      const paths = [
        "coder/2.json",
        "coder/1.json",
        "coder-x/1.json",
        "Coder/1.json",
        "top",
        "coder/deep/er/3",
      ];
      for (const path of paths) await blobs.write(path, path);
      expect(await blobs.list()).toEqual([...paths].sort());
      expect(await blobs.list("coder/")).toEqual(["coder/1.json", "coder/2.json", "coder/deep/er/3"]);
      expect(await blobs.list("coder")).toEqual([
        "coder-x/1.json",
        "coder/1.json",
        "coder/2.json",
        "coder/deep/er/3",
      ]);
      expect(await blobs.list("coder/deep/e")).toEqual(["coder/deep/er/3"]);
      expect(await blobs.list("coder/9")).toEqual([]);
    });

    it("refuses paths that lead elsewhere or that some system could not store", async () => {
      const blobs = await open();
      const bad = ["", "/etc/passwd", "..", "../x", "a/../../x", "a/./b", "a//b", "a/", "./a", ".hidden"];
      bad.push("a/.b", "a\u0000b", "a\\..\\b", "C:\\x", "c:x", "a\nb", "a/b.", "a /b", "x".repeat(201));
      bad.push("x/".repeat(600) + "x", "a?b", "a*b");
      for (const path of bad) {
        const invalid = { code: "PATH_INVALID" };
        await expect(blobs.write(path, "x"), path).rejects.toMatchObject(invalid);
        await expect(blobs.read(path), path).rejects.toMatchObject(invalid);
        await expect(blobs.delete(path), path).rejects.toMatchObject(invalid);
      }
      for (const prefix of ["../", "/", "a/../", "/etc/"]) {
        await expect(blobs.list(prefix), prefix).rejects.toMatchObject({ code: "PATH_INVALID" });
      }
      expect(await blobs.list()).toEqual([]);
    });
  });
}
