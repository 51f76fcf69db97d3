import { describe, expect, it } from "vitest";
import { Directory } from "#src/directory";

function directory() {
  const known = new Directory();
  known.add({ address: "clerk.1", role: "clerk", capabilities: ["write", "read"] });
  known.add({ address: "clerk.2", role: "clerk", capabilities: ["write", "read"] });
  known.add({ address: "judge.3", role: "judge", capabilities: ["read"] });
  return known;
}

const addresses = (found: readonly { readonly address: string }[]) => found.map(({ address }) => address);

describe("the directory", () => {
  it("finds actors by role, by capability and by both, the oldest first", () => {
    const known = directory();
    expect(addresses(known.find({ role: "clerk" }))).toEqual(["clerk.1", "clerk.2"]);
    expect(addresses(known.find({ capability: "read" }))).toEqual(["clerk.1", "clerk.2", "judge.3"]);
    expect(addresses(known.find({ role: "judge", capability: "write" }))).toEqual([]);
    expect(addresses(known.find())).toHaveLength(3);
  });

  it("starts with the next actor at each round-robin call", () => {
    const known = directory();
    const firsts = [1, 2, 3, 4].map(() => known.find({ capability: "read", strategy: "round-robin" })[0]);
    expect(firsts.map((info) => info?.address)).toEqual(["clerk.1", "clerk.2", "judge.3", "clerk.1"]);
  });

  it("puts the actor first that was used longest ago", () => {
    const known = directory();
    known.touch("clerk.1");
    expect(known.find({ role: "clerk", strategy: "least-recent" })[0]?.address).toBe("clerk.2");
    expect(known.find({ role: "clerk", strategy: "least-recent" })[0]?.address).toBe("clerk.1");
    expect(known.find({ role: "clerk", strategy: "least-recent" })[0]?.address).toBe("clerk.2");
  });

  it("gives each actor first sometimes, and all of them always, at random", () => {
    const known = directory();
    const firsts = new Set<string | undefined>();
    for (let i = 0; i < 200; i++) {
      const found = known.find({ strategy: "random" });
      expect(found).toHaveLength(3);
      firsts.add(found[0]?.address);
    }
    expect(firsts.size).toBe(3);
  });

  it("does not find an actor that has left", () => {
    const known = directory();
    known.remove("clerk.1");
    expect(addresses(known.find({ role: "clerk" }))).toEqual(["clerk.2"]);
  });
});
