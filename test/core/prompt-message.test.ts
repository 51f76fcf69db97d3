import { describe, expect, it } from "vitest";
import { responseChunks } from "#src/core/prompt-chunk";
import { readDecision, readPrompt } from "#src/core/prompt-message";
import { promptEndpointMetadata } from "#src/core/prompt-protocol";

describe("a prompt", () => {
  it("is the text itself, unless that begins as an envelope does", () => {
    expect(readPrompt(" text {")).toEqual({ task: " text {" });
    expect(readPrompt('\r\n\t {"prompt": " x ", "later": {"version": 1}}')).toEqual({ task: " x " });
    expect(readPrompt('"quoted"')).toEqual({ task: '"quoted"' });
    // A no-break space is no white space of the protocol's.
    expect(readPrompt('\u00a0{"prompt": 1}')).toEqual({ task: '\u00a0{"prompt": 1}' });
  });

  it("has its files as text or bytes", () => {
    const file = (filename: string, bytes: readonly number[]) => ({
      filename,
      content: Buffer.from(bytes).toString("base64"),
    });
    const attachments = [
      file("empty", []),
      file("text", [0xc3, 0xa9]),
      file("cut", [0xc3]),
      file("nul", [65, 0]),
    ];
    expect(readPrompt(JSON.stringify({ prompt: "x", attachments })).context).toEqual({
      attachments: [
        { filename: "empty", content: "" },
        { filename: "text", content: "é" },
        { filename: "cut", content: Uint8Array.of(0xc3) },
        { filename: "nul", content: Uint8Array.of(65, 0) },
      ],
    });
  });
});

describe("an answer to a query", () => {
  it.each([
    ["yes", "approved", null],
    ["Y", "approved", null],
    [" OK. ", "approved", null],
    ["yes, but only once", "approved", "but only once"],
    ['{"prompt": "approve"}', "approved", null],
    ["no", "rejected", null],
    ["Reject: it deletes files", "rejected", "it deletes files"],
  ])("%j is a decision", (text, decision, note) => {
    expect(readDecision(text)).toEqual({ decision, note });
  });

  it.each(["", "maybe", "yesterday", "nothing", "not sure", '{"answer": "yes"}', "{yes"])(
    "%j is none",
    (text) => {
      expect(readDecision(text)).toBeNull();
    },
  );
});

describe("a response", () => {
  it("is put together again from chunks that each fit into a message, whole characters in each", () => {
    const text = "a😀\u0000é\n".repeat(500);
    for (const maxPayload of [100, 101, 1_000, 1_048_576]) {
      const chunks = responseChunks(text, maxPayload);
      for (const chunk of chunks) expect(Buffer.byteLength(chunk)).toBeLessThanOrEqual(maxPayload);
      const parts = chunks.map((chunk) => (JSON.parse(chunk) as { data: string }).data);
      expect(parts.join("")).toBe(text);
      expect(parts.filter((part) => /[\ud800-\udbff]$/.test(part))).toEqual([]);
    }
    expect(responseChunks("", 1_000)).toEqual(['{"type":"response","data":""}']);
  });
});

describe("the largest prompt", () => {
  it("is said exactly, in the largest unit that does so", () => {
    const said = [1_000, 1_024, 1_536, 1_048_576, 3 * 1_073_741_824, 1_040_384];
    expect(said.map((bytes) => promptEndpointMetadata(bytes)["max_payload"])).toEqual([
      "1000B",
      "1KB",
      "1536B",
      "1MB",
      "3GB",
      "1016KB",
    ]);
  });
});
