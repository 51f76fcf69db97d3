// A part of a store below a prefix: as if nothing else were there.
import { expect, it } from "vitest";
import type { KeyValueChange } from "#src/core/ports";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { createMemory } from "#src/memory";
import { scopeKeyValue } from "#src/scoped-key-value";

it("reads, lists and watches its own keys alone, under their own names", async () => {
  await using fabric = createMemoryFabric();
  const { keyValue } = fabric;
  const [red, blue] = [scopeKeyValue(keyValue, "red"), scopeKeyValue(keyValue, "blue")];
  const changes: KeyValueChange[] = [];
  const unsubscribe = await red.watch("b", (change) => changes.push(change), { prefix: "k" });
  const revision = await red.create("b", "k1", "one");
  await blue.create("b", "k1", "other");
  await red.update("b", "k1", "two", revision);
  await red.put("b", "x", "three");
  await blue.delete("b", "x");
  expect(await red.get("b", "k1")).toMatchObject({ key: "k1", value: "two" });
  expect(await blue.get("b", "k1")).toMatchObject({ key: "k1", value: "other" });
  expect(await blue.get("b", "x")).toBeNull();
  expect([await red.keys("b"), await red.keys("b", "k"), await blue.keys("b")]).toEqual([
    ["k1", "x"],
    ["k1"],
    ["k1"],
  ]);
  expect(await keyValue.keys("b")).toEqual(["blue.k1", "red.k1", "red.x"]);
  await red.delete("b", "k1");
  await expect.poll(() => changes.at(-1)).toEqual({ type: "delete", key: "k1" });
  expect(new Set(changes.map(({ key }) => key))).toEqual(new Set(["k1"]));
  unsubscribe();
});

it("has room for the longest names of a mesh, a role and a memory's key", async () => {
  await using fabric = createMemoryFabric();
  const name = "n".repeat(128);
  const { longTerm } = createMemory({
    ...fabric,
    keyValue: scopeKeyValue(fabric.keyValue, name),
    scope: { role: name, taskId: name },
    model: () => {
      throw new Error("no model is needed");
    },
  });
  const key = "k".repeat(250);
  await longTerm.save(key, 1);
  expect(await longTerm.load(key)).toBe(1);
  await expect(longTerm.save(`${key}k`, 1)).rejects.toThrow(/at most 250 characters/);
});
