// What every fabric's blobs must do.
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { Blobs } from "#src/core/ports";

/** What has blobs: a fabric, or a store of its own. */
export interface HasBlobs {
  readonly blobs: Blobs;
  close(): Promise<void>;
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : new TextDecoder().decode(bytes);

/** A stream of chunks, then of an error where there is one; tells whether it was cancelled. */
function streamOf(chunks: readonly Uint8Array[], error?: Error) {
  const waiting = [...chunks];
  const state = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const chunk = waiting.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (error !== undefined) controller.error(error);
      else controller.close();
    },
    cancel: () => {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

/** So many chunks of a mebibyte, all different. */
const mebibytes = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => new Uint8Array(1_048_576).fill(index + 1));

async function hashOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array> | null): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks ?? []) hash.update(chunk);
  return hash.digest("hex");
}

/** The suite for the port Blobs. */
export function blobsContract(make: () => Promise<HasBlobs>): void {
  describe("blobs", () => {
    const fabrics: HasBlobs[] = [];
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
      expect(await blobs.stream("absent")).toBeNull();
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

    it("carries names that only the grammar of paths limits", async () => {
      const blobs = await open();
      const paths = ["a b/c&d.txt", "é/☃ 𝄞.md", "100%/a+b=c,d;e'f.json", "(x)[y]{z}/#1!~@$^`"];
      for (const path of paths) await blobs.write(path, path);
      expect(await blobs.list()).toEqual([...paths].sort());
      for (const path of paths) expect(text(await blobs.read(path))).toBe(path);
      expect(await blobs.list("é/")).toEqual(["é/☃ 𝄞.md"]);
    });

    it("stores streams and gives streams, of any size and in any pieces", async () => {
      const blobs = await open();
      for (const [name, chunks] of [
        ["empty", []],
        ["blank", [new Uint8Array(0), new Uint8Array(0)]],
        ["small", [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)]],
        ["large", [...mebibytes(20), Uint8Array.of(1)]],
      ] as const) {
        await blobs.write(name, streamOf(chunks).stream);
        expect(await hashOf(await blobs.stream(name)), name).toBe(await hashOf(chunks));
      }
      expect([...((await blobs.read("small")) ?? [])]).toEqual([1, 2, 3, 4]);
      await blobs.write("large", "now a text");
      expect(await hashOf(await blobs.stream("large"))).toBe(await hashOf([Buffer.from("now a text")]));
    });

    it("leaves what was there where a stream fails, whether early or late", async () => {
      const blobs = await open();
      await blobs.write("kept", "before");
      for (const chunks of [[], mebibytes(1), mebibytes(18)]) {
        for (const path of ["kept", "new"]) {
          const { stream } = streamOf(chunks, new Error("the source broke"));
          await expect(blobs.write(path, stream)).rejects.toMatchObject({
            code: "STORAGE_FAILED",
            message: expect.stringMatching(new RegExp(`"${path}".*the source broke`)) as string,
          });
        }
      }
      expect(text(await blobs.read("kept"))).toBe("before");
      expect(await blobs.list()).toEqual(["kept"]);
    });

    it("cancels a stream that it does not store, and refuses one that another holds", async () => {
      const blobs = await open();
      const { stream, state } = streamOf(mebibytes(1));
      await expect(blobs.write("../x", stream)).rejects.toMatchObject({ code: "PATH_INVALID" });
      expect(state.cancelled).toBe(true);
      const { stream: held } = streamOf(mebibytes(1));
      held.getReader();
      await expect(blobs.write("x", held)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
      const { stream: words, state: ofWords } = streamOf(["text", "more", "yet"] as unknown as Uint8Array[]);
      await expect(blobs.write("x", words)).rejects.toThrow(/other than bytes/);
      expect(ofWords.cancelled).toBe(true);
      expect(await blobs.list()).toEqual([]);
    });

    it("lets a reader stop half-way", async () => {
      const blobs = await open();
      await blobs.write("large", streamOf(mebibytes(6)).stream);
      const stream = await blobs.stream("large");
      const reader = stream?.getReader();
      expect((await reader?.read())?.value?.[0]).toBe(1);
      await reader?.cancel();
      expect(await reader?.read()).toMatchObject({ done: true });
      await (await blobs.stream("large"))?.cancel();
      await blobs.delete("large");
      expect(await blobs.stream("large")).toBeNull();
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

    it("replaces a blob whole also where it need not outlive a power cut", async () => {
      const blobs = await open();
      await blobs.write("a/step.json", "first", { isDurable: false });
      await blobs.write("a/step.json", "second", { isDurable: false });
      expect(new TextDecoder().decode((await blobs.read("a/step.json")) ?? undefined)).toBe("second");
      expect(await blobs.list("a/")).toEqual(["a/step.json"]);
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
        await expect(blobs.stream(path), path).rejects.toMatchObject(invalid);
        await expect(blobs.delete(path), path).rejects.toMatchObject(invalid);
      }
      for (const prefix of ["../", "/", "a/../", "/etc/"]) {
        await expect(blobs.list(prefix), prefix).rejects.toMatchObject({ code: "PATH_INVALID" });
      }
      expect(await blobs.list()).toEqual([]);
    });
  });
}
