// Keys are removed from whatever leaves the process, whether known or only looking like one.
import { describe, expect, it } from "vitest";
import { maskKey, redact } from "#src/core/secret";

describe("redaction", () => {
  it("removes known secrets wherever they are, the longest first", () => {
    expect(redact("x hunter2-long hunter2 y", ["hunter2", "hunter2-long"])).toBe("x [redacted] [redacted] y");
  });

  it("leaves values alone that are too short to be secrets", () => {
    expect(redact("a cat", ["a", "cat", ""])).toBe("a cat");
  });

  it.each([
    `sk-ant-${"a1b2".repeat(6)}`,
    `AIza${"x".repeat(35)}`,
    `ghp_${"a1".repeat(15)}`,
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
  ])("removes what has the shape of a key: %s", (key) => {
    expect(redact(`before ${key} after`)).toBe("before [redacted] after");
  });

  it("keeps the word Bearer and removes what follows", () => {
    expect(redact("Authorization: Bearer abcdefghijklmnop")).toBe("Authorization: Bearer [redacted]");
  });

  it("does not change what it is given", () => {
    const secrets = ["bbbb", "aaaaaa"];
    redact("text", secrets);
    expect(secrets).toEqual(["bbbb", "aaaaaa"]);
  });
});

describe("a masked key", () => {
  it("shows its kind and its end, and nothing of a short one", () => {
    expect(maskKey(`sk-ant-${"a1b2".repeat(6)}6789`)).toBe("sk-ant-…6789");
    expect(maskKey("0123456789abcdef")).toBe("…cdef");
    expect(maskKey("short")).toBe("…");
  });
});
