// Who counts as ended: only who surely is.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { hasEnded, thisProcess } from "#src/fabric/embedded/holder";

describe("a process that has messages in hand", () => {
  const here = thisProcess();

  it("runs as long as it runs", () => {
    expect(here.pid).toBe(process.pid);
    expect(hasEnded(here, here)).toBe(false);
    expect(hasEnded({ ...here, pid: process.ppid, start: null }, here)).toBe(false);
  });

  it("has ended once the system knows it no more", async () => {
    const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
    await once(child, "exit");
    expect(hasEnded({ ...here, pid: child.pid ?? 0, start: null }, here)).toBe(true);
  });

  it("has ended where another has got its number", () => {
    const before = { ...here, start: "1" };
    // Where the system tells no start, a number in use is all that can be known.
    expect(hasEnded(before, here)).toBe(here.start !== null);
  });

  it("has ended where its host was started anew", () => {
    expect(hasEnded({ ...here, boot: "before" }, { ...here, boot: "now" })).toBe(true);
  });

  it("counts as running where the system cannot tell", () => {
    const absent = { ...here, pid: 2 ** 22 + 1, start: "1" };
    expect(hasEnded({ ...absent, host: "elsewhere", boot: "theirs" }, { ...here, boot: "ours" })).toBe(false);
    expect(hasEnded({ ...absent, boot: null }, { ...here, boot: "known" })).toBe(false);
    expect(hasEnded({ ...absent, boot: null, host: "elsewhere" }, { ...here, boot: null })).toBe(false);
    expect(hasEnded({ ...absent, namespace: "pid:[1]" }, { ...here, namespace: "pid:[2]" })).toBe(false);
    expect(
      hasEnded({ ...absent, boot: null, namespace: null }, { ...here, boot: null, namespace: null }),
    ).toBe(true);
  });
});
