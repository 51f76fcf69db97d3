// Addresses: what every fabric can store, and what is refused. The contract suites try them on the fabrics.
import { describe, expect, it } from "vitest";
import {
  requireBlobPath,
  requireBucket,
  requireKey,
  requirePattern,
  requireSubject,
} from "#src/core/grammar";

describe("the grammar of addresses", () => {
  it("splits subjects and patterns into tokens", () => {
    expect(requireSubject("fettle.main.event.t-1")).toEqual(["fettle", "main", "event", "t-1"]);
    expect(requireSubject("$SRV.PING")).toEqual(["$SRV", "PING"]);
    expect(requirePattern("task.*.>")).toEqual(["task", "*", ">"]);
  });

  it("tells a wildcard from a token that holds one", () => {
    expect(requireSubject("a*b.>c")).toEqual(["a*b", ">c"]);
    expect(() => requireSubject("a.*")).toThrow(/for subscriptions only/);
    expect(() => requirePattern("a.>.b")).toThrow(/must come last/);
  });

  it("takes keys of 512 characters and no more", () => {
    expect(() => requireKey("k".repeat(512))).not.toThrow();
    expect(() => requireKey("k".repeat(513))).toThrow(/at most 512 characters/);
    expect(() => requireKey("a_b=c/d-e.F.0")).not.toThrow();
  });

  it("takes names for buckets", () => {
    expect(() => requireBucket("function-code_2")).not.toThrow();
    expect(() => requireBucket("a.b")).toThrow(/Cannot use bucket "a\.b"/);
  });

  it("counts the bytes of a path's parts, since that is what file systems count", () => {
    expect(requireBlobPath(`a/${"é".repeat(100)}`)).toHaveLength(2);
    expect(() => requireBlobPath("é".repeat(101))).toThrow(/longer than 200 bytes/);
  });

  it.each([
    ["../x", /begins with a dot/],
    ["/x", /absolute or has an empty part/],
    ["a\\b", /control character or one of/],
    ["a.", /ends with a dot or a space/],
    ["x/".repeat(513), /longer than 1024 bytes/],
    ["☃/".repeat(257), /longer than 1024 bytes/],
  ])("says what is wrong with the path %j", (path, problem) => {
    expect(() => requireBlobPath(path)).toThrow(problem);
  });
});
