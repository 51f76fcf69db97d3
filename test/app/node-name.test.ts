import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { isGone, nodeName } from "#src/app/node-name";
import { thisProcess } from "#src/fabric/embedded/holder";

/** The parts of a name of this process: what comes before its number, its start, where it is. */
function partsOf(name: string) {
  const [, before, start, where] = new RegExp(`^(.*)-${process.pid}-(\\d+)-([0-9a-f]{12})$`).exec(name) ?? [];
  return { before: before ?? "", start: start ?? "", where: where ?? "" };
}

describe("the name of a mesh's process", () => {
  const { before, start, where } = partsOf(nodeName());

  it("begins with its host and its number, and is another for each mesh", () => {
    expect(before).toBe(hostname());
    expect(new Set(Array.from({ length: 20 }, nodeName)).size).toBeGreaterThan(1);
  });

  it("is that of a process which runs, as long as it does", () => {
    expect(isGone(nodeName())).toBe(false);
  });

  it("is that of one which is gone, once the system knows it no more", async () => {
    const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
    await once(child, "exit");
    expect(isGone(`${before}-${child.pid}-${start}-${where}`)).toBe(true);
  });

  it("is that of one which is gone, where another has got its number", () => {
    expect(isGone(`${before}-${process.pid}-1-${where}`)).toBe(thisProcess().start !== null);
  });

  it("is not called gone where this machine cannot tell", () => {
    const absent = 2 ** 22 + 1;
    const elsewhere = where.startsWith("ffff") ? "eeee" : "ffff";
    expect(isGone(`another-host-${absent}-1-${elsewhere}${where.slice(4)}`)).toBe(false);
    // The same host's name and kernel, and another container: its numbers are others.
    expect(isGone(`${before}-${absent}-1-${where.slice(0, 4)}${elsewhere}${where.slice(8)}`)).toBe(false);
    expect(isGone("test")).toBe(false);
  });
});
