import { expect, it, vi } from "vitest";
import { StreamReader } from "#src/fabric/nats/stream-reader";
import { newMeshName, openLink, serverForTests } from "./mesh-server.ts";

const server = serverForTests();

it("a stream is asked for a message only once it has held one, and then it is no longer looked at before", async () => {
  const link = await openLink(server.get());
  const { jsm, connection } = link;
  const js = connection.jetstream();
  const name = newMeshName();
  await jsm.streams.add({ name, subjects: [`${name}.>`] });
  const asked = vi.spyOn(jsm.streams, "getMessage");
  const looked = vi.spyOn(jsm.streams, "info");
  const reader = new StreamReader(jsm);
  const query = { last_by_subj: `${name}.a` };
  expect(await reader.read(name, query)).toBeNull();
  expect(asked).not.toHaveBeenCalled();
  await js.publish(`${name}.b`, "other");
  expect(await reader.read(name, query)).toBeNull();
  await js.publish(`${name}.a`, "text");
  expect((await reader.read(name, query))?.string()).toBe("text");
  expect(asked).toHaveBeenCalledTimes(2);
  expect(looked).toHaveBeenCalledTimes(2);
  await link.close();
});

it("a stream that was deleted and made anew is looked at again before it is asked", async () => {
  const link = await openLink(server.get());
  const { jsm, connection } = link;
  const js = connection.jetstream();
  const name = newMeshName();
  const reader = new StreamReader(jsm);
  const query = { last_by_subj: `${name}.a` };
  await expect(reader.read(name, query)).rejects.toThrow(/not found/);
  await jsm.streams.add({ name, subjects: [`${name}.>`] });
  await js.publish(`${name}.a`, "text");
  expect(await reader.read(name, query)).not.toBeNull();
  await jsm.streams.delete(name);
  await expect(reader.read(name, query)).rejects.toThrow(/not found/);
  await jsm.streams.add({ name, subjects: [`${name}.>`] });
  const asked = vi.spyOn(jsm.streams, "getMessage");
  expect(await reader.read(name, query)).toBeNull();
  expect(asked).not.toHaveBeenCalled();
  await link.close();
});

it("a stream is asked for its subjects only once it has held a message", async () => {
  const link = await openLink(server.get());
  const { jsm, connection } = link;
  const name = newMeshName();
  await jsm.streams.add({ name, subjects: [`${name}.>`] });
  const asked = vi.spyOn(jsm.streams, "info");
  const reader = new StreamReader(jsm);
  expect(await reader.subjects(name, ">")).toEqual(new Map());
  expect(asked.mock.calls).toEqual([[name]]);
  const js = connection.jetstream();
  for (const subject of ["a", "b.c", "b.c"]) await js.publish(`${name}.${subject}`, "text");
  expect(await reader.subjects(name, `${name}.b.>`)).toEqual(new Map([[`${name}.b.c`, 2]]));
  await link.close();
});
