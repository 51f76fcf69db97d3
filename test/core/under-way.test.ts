import { defer } from "#src/core/deferred";
import { UnderWay } from "#src/core/under-way";
import { expect, test } from "vitest";

test("nothing is under way before anything was", async () => {
  await new UnderWay().none();
});

test("gives what the work gives, and throws what it throws", async () => {
  const underWay = new UnderWay();
  expect(await underWay.during(async () => "done")).toBe("done");
  await expect(underWay.during(async () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  await underWay.none();
});

test("all who wait are told once the last work has ended, also what began meanwhile", async () => {
  const underWay = new UnderWay();
  const [first, second] = [defer<undefined>(), defer<undefined>()];
  const ended: string[] = [];
  void underWay.during(() => first.promise).then(() => ended.push("first"));
  const waiting = Promise.all([underWay.none(), underWay.none()]).then(() => ended.push("all"));
  void underWay.during(() => second.promise).then(() => ended.push("second"));
  first.resolve(undefined);
  await new Promise((resolve) => setImmediate(resolve));
  second.resolve(undefined);
  await waiting;
  expect(ended).toEqual(["first", "second", "all"]);
});
