// Blobs over NATS under the contract of all blobs, and what is theirs alone: the format of NATS's object store, what a
// replacement costs and leaves behind, and readers of what is being replaced.
import { connect, headers, type NatsConnection, type PubAck } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NatsBlobs } from "#src/fabric/nats/blobs";
import { Streams } from "#src/fabric/nats/streams";
import { blobsContract } from "../../contract/blobs.ts";
import { newMeshName, openLink, serverForTests } from "./mesh-server.ts";

const server = serverForTests();

describe("blobs over NATS keep the contract of", () => {
  blobsContract(async () => {
    const link = await openLink(server.get());
    return { blobs: new NatsBlobs(link, new Streams(link)), close: () => link.close() };
  });
});

describe("blobs over NATS", () => {
  const closers: (() => Promise<void>)[] = [];
  let mesh: string;
  let plain: NatsConnection;
  beforeEach(async () => {
    mesh = newMeshName();
    plain = await connect({ servers: server.get().url });
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
    await plain.close();
  });
  const stream = () => `OBJ_fettle-${mesh}-blobs`;
  const open = async () => {
    const link = await openLink(server.get(), { mesh });
    closers.push(() => link.close());
    return { blobs: new NatsBlobs(link, new Streams(link)), close: () => link.close() };
  };
  const store = () => plain.jetstream().views.os(`fettle-${mesh}-blobs`);
  /** How many messages of the bucket are chunks, and how many describe something. */
  const counts = async () => {
    const jsm = await plain.jetstreamManager();
    const { state } = await jsm.streams.info(stream(), { subjects_filter: ">" });
    const subjects = Object.entries(state.subjects ?? {});
    const count = (part: string) =>
      subjects.reduce((sum, [subject, of]) => (subject.includes(part) ? sum + of : sum), 0);
    return { chunks: count(".C."), descriptions: count(".M.") };
  };
  const mebibytes = (count: number, fill: number) => new Uint8Array(count * 1_048_576).fill(fill);
  const isSame = (found: Uint8Array | null, wanted: Uint8Array) =>
    Buffer.compare(found ?? Buffer.of(), wanted) === 0;
  const bytesOf = async (found: ReadableStream<Uint8Array> | null) =>
    new Uint8Array(await new Response(found).arrayBuffer());

  it.each([
    ["taken twice, as its first answer was lost with a server", (again: () => Promise<PubAck>) => again()],
    [
      "taken, and never answered",
      () => Promise.reject(Object.assign(new Error("no answer"), { code: "TIMEOUT" })),
    ],
  ])("stay whole where their description was %s", async (_, after) => {
    const link = await openLink(server.get(), { mesh });
    closers.push(() => link.close());
    const blobs = new NatsBlobs(link, new Streams(link));
    await blobs.write("doc", "before");
    const publish = link.publish.bind(link);
    link.publish = async (subject, payload, write) => {
      const ack = await publish(subject, payload, write);
      if (!subject.includes(".M.")) return ack;
      return after(() => publish(subject, payload, { ...write, id: crypto.randomUUID() }));
    };
    await blobs.write("doc", "after").catch(() => undefined);
    link.publish = publish;
    const other = await open();
    expect(new TextDecoder().decode((await other.blobs.read("doc")) ?? undefined)).toBe("after");
    await blobs.write("doc", "at last");
    expect(new TextDecoder().decode((await other.blobs.read("doc")) ?? undefined)).toBe("at last");
  });

  it("are read by NATS's own library", async () => {
    const { blobs } = await open();
    await blobs.write("reports/june.md", "# June");
    await blobs.write("large.bin", mebibytes(3, 7));
    await blobs.write("empty", "");
    const os = await store();
    expect((await os.list()).map(({ name }) => name).sort()).toEqual([
      "empty",
      "large.bin",
      "reports/june.md",
    ]);
    expect(new TextDecoder().decode((await os.getBlob("reports/june.md")) ?? undefined)).toBe("# June");
    expect(isSame(await os.getBlob("large.bin"), mebibytes(3, 7))).toBe(true);
    expect(await os.info("large.bin")).toMatchObject({ size: 3 * 1_048_576, chunks: 24 });
    expect(await os.getBlob("empty")).toHaveLength(0);
    await blobs.delete("large.bin");
    expect(await os.info("large.bin")).toBeNull();
  });

  it("read, list, replace and delete what NATS's own library wrote or deleted", async () => {
    const { blobs } = await open();
    expect(await blobs.list()).toEqual([]);
    const os = await store();
    await os.putBlob({ name: "a/large" }, mebibytes(2, 3));
    await os.putBlob({ name: "a/small" }, Uint8Array.of(1, 2));
    await os.putBlob({ name: "b" }, Uint8Array.of(4));
    await os.delete("b");
    expect(await blobs.list()).toEqual(["a/large", "a/small"]);
    expect(await blobs.list("a/s")).toEqual(["a/small"]);
    expect(isSame(await blobs.read("a/large"), mebibytes(2, 3))).toBe(true);
    expect(isSame(await bytesOf(await blobs.stream("a/large")), mebibytes(2, 3))).toBe(true);
    expect(await blobs.read("b")).toBeNull();
    await blobs.write("b", "again");
    await blobs.write("a/small", "new");
    await os.delete("a/small");
    await blobs.delete("a/large");
    expect(await blobs.list()).toEqual(["b"]);
    expect(await blobs.read("a/small")).toBeNull();
  });

  it("replace a small one by two messages and one removal, and ask for nothing before", async () => {
    const { blobs, close } = await open();
    await blobs.write("results/1.json", "first");
    const seen: string[] = [];
    const wiretap = plain.subscribe(">", { callback: (_, message) => void seen.push(message.subject) });
    await plain.flush();
    await blobs.write("results/1.json", "second");
    await blobs.write("results/2.json", "new");
    await close();
    await plain.flush();
    wiretap.unsubscribe();
    const told = seen.filter((subject) => subject.startsWith("$O.") || subject.startsWith("$JS.API."));
    expect(told).toHaveLength(5);
    expect(told.filter((subject) => subject.startsWith("$JS.API.STREAM.PURGE."))).toHaveLength(1);
    expect(told.filter((subject) => subject.includes(".M."))).toHaveLength(2);
    expect(told.filter((subject) => subject.includes(".C."))).toHaveLength(2);
    expect(await counts()).toEqual({ chunks: 2, descriptions: 2 });
  });

  it("leave one whole version and no chunks of others after many writers on several nodes", async () => {
    const nodes = [await open(), await open(), await open()];
    const versions = Array.from({ length: 24 }, (_, index) =>
      String(index % 10).repeat(1_000 + index * 9_000),
    );
    await Promise.all(versions.map(async (version, index) => nodes[index % 3]?.blobs.write("doc", version)));
    const text = new TextDecoder().decode((await nodes[0]?.blobs.read("doc")) ?? undefined);
    expect(versions).toContain(text);
    for (const { close } of nodes) await close();
    expect(await counts()).toEqual({ chunks: Math.ceil(text.length / 131_072), descriptions: 1 });
  });

  it("leave nothing of a stream that failed, and nothing of what was deleted", async () => {
    const { blobs, close } = await open();
    await blobs.write("doc", "before");
    const waiting = [mebibytes(1, 1), mebibytes(1, 2)];
    const failing = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const next = waiting.shift();
        if (next === undefined) controller.error(new Error("the source broke"));
        else controller.enqueue(next);
      },
    });
    await expect(blobs.write("doc", failing)).rejects.toThrow(/the source broke/);
    expect(await counts()).toEqual({ chunks: 1, descriptions: 1 });
    await blobs.write("large", mebibytes(2, 1));
    await blobs.delete("large");
    await blobs.delete("doc");
    await close();
    expect(await counts()).toEqual({ chunks: 0, descriptions: 0 });
  });

  it("take a stream only as fast as the server stores it", async () => {
    const { blobs } = await open();
    await blobs.write("first", "makes the stream");
    const jsm = await plain.jetstreamManager();
    let pulled = 0;
    let furthest = 0;
    const source = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { state } = await jsm.streams.info(stream());
          furthest = Math.max(furthest, pulled - state.bytes);
          pulled += 1_048_576;
          if (pulled > 24 * 1_048_576) controller.close();
          else controller.enqueue(mebibytes(1, 1));
        },
      },
      { highWaterMark: 0 },
    );
    await blobs.write("large", source);
    expect(furthest).toBeLessThanOrEqual(2 * 131_072);
  });

  it("give a reader the old version whole that is replaced while he reads, then remove it", async () => {
    const [writer, reader] = await Promise.all([open(), open()]);
    await writer.blobs.write("doc", mebibytes(4, 1));
    const streams = [await reader.blobs.stream("doc"), await reader.blobs.stream("doc")];
    const begun = streams.map((stream) => stream?.getReader());
    for (const one of begun) expect((await one?.read())?.value?.[0]).toBe(1);
    await writer.blobs.write("doc", mebibytes(2, 2));
    await writer.close();
    expect(await counts()).toEqual({ chunks: 32 + 16, descriptions: 1 });
    await begun[0]?.cancel();
    let read = 131_072;
    for (;;) {
      const next = await begun[1]?.read();
      if (next?.value === undefined) break;
      expect(next.value.every((byte) => byte === 1)).toBe(true);
      read += next.value.length;
    }
    expect(read).toBe(4 * 1_048_576);
    expect((await bytesOf(await reader.blobs.stream("doc")))[0]).toBe(2);
    await reader.close();
    expect(await counts()).toEqual({ chunks: 16, descriptions: 1 });
  });

  it("never give a mixture or an error to those who read large ones that are replaced", async () => {
    const [writer, reader] = await Promise.all([open(), open()]);
    await writer.blobs.write("doc", mebibytes(1, 0));
    const written = new AbortController();
    const read = async (use: () => Promise<Uint8Array | null>) => {
      for (;;) {
        const bytes = await use();
        expect(bytes).toHaveLength(1_048_576);
        expect(bytes?.every((byte) => byte === bytes[0])).toBe(true);
        if (written.signal.aborted) return;
      }
    };
    const readers = [
      read(() => reader.blobs.read("doc")),
      read(async () => bytesOf(await reader.blobs.stream("doc"))),
    ];
    for (let version = 1; version <= 20; version += 1) await writer.blobs.write("doc", mebibytes(1, version));
    written.abort();
    await Promise.all(readers);
  });

  it("are checked against their digest, size and description when they are read", async () => {
    const { blobs } = await open();
    const jsm = await plain.jetstreamManager();
    const describeAs = async (path: string, change: (fields: Record<string, unknown>) => unknown) => {
      await blobs.write(path, "content");
      const subject = `$O.fettle-${mesh}-blobs.M.${Buffer.from(path).toString("base64url")}`;
      const found = await jsm.streams.getMessage(stream(), { last_by_subj: subject });
      const rollup = headers();
      rollup.set("Nats-Rollup", "sub");
      const changed = JSON.stringify(change(found.json<Record<string, unknown>>()));
      await plain.jetstream().publish(subject, changed, { headers: rollup });
    };
    await describeAs("dig", (fields) => ({ ...fields, digest: `SHA-256=${"A".repeat(43)}=` }));
    await describeAs("siz", (fields) => ({ ...fields, size: 3 }));
    await describeAs("gon", (fields) => ({ ...fields, nuid: "another" }));
    await describeAs("lnk", (fields) => ({ ...fields, options: { link: { bucket: "b", name: "c" } } }));
    await describeAs("shp", () => ({}));
    await describeAs("jsn", () => 7);
    for (const [path, said] of [
      ["dig", /do not match their digest/],
      ["siz", /it has 7 bytes and should have 3/],
      ["gon", /chunks are gone/],
      ["lnk", /a link to another object/],
      ["shp", /a wrong shape/],
      ["jsn", /no JSON object/],
    ] as const) {
      const error = { code: "INTEGRITY", message: expect.stringMatching(said) as string };
      await expect(blobs.read(path), path).rejects.toMatchObject(error);
    }
    const streamed = async () => bytesOf(await blobs.stream("dig"));
    await expect(streamed()).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(await blobs.list()).toEqual(["dig", "gon", "jsn", "lnk", "shp", "siz"]);
    for (const path of ["dig", "gon", "jsn"]) await blobs.delete(path);
    for (const path of ["lnk", "shp", "siz"]) await blobs.write(path, "mended");
    expect(await blobs.list()).toEqual(["lnk", "shp", "siz"]);
    expect(await blobs.read("shp")).toEqual(new TextEncoder().encode("mended"));
  });

  it("wait for a server that restarts", async () => {
    const { blobs } = await open();
    await blobs.write("doc", "before");
    await server.get().stop();
    const written = blobs.write("doc", "after");
    const read = blobs.read("doc");
    await server.get().start();
    await written;
    expect(["before", "after"]).toContain(new TextDecoder().decode((await read) ?? undefined));
    expect(new TextDecoder().decode((await blobs.read("doc")) ?? undefined)).toBe("after");
  });
});
