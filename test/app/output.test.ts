// What is printed: text made harmless, values made readable.
import { afterEach, expect, it, vi } from "vitest";
import { printable, printJson } from "#src/app/output";

afterEach(() => vi.restoreAllMocks());

it("writes control characters as escapes, but keeps tabs and lines", () => {
  expect(printable("a\tb\nc\r\nd")).toBe("a\tb\nc\nd");
  expect(printable("\u001b[31mred\u0007\r\u0000\u007f\u009b")).toBe("\\x1b[31mred\\x07\\x0d\\x00\\x7f\\x9b");
  expect(printable("ünïcode → 漢字 🎉")).toBe("ünïcode → 漢字 🎉");
});

it("prints values that JSON cannot say in a readable form", () => {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  printJson({ big: 10n, when: new Date(0), map: new Map([["a", NaN]]), none: undefined });
  const [[text] = []] = write.mock.calls;
  expect(JSON.parse(String(text))).toEqual({
    big: "10",
    when: "1970-01-01T00:00:00.000Z",
    map: { a: "NaN" },
    none: null,
  });
});
