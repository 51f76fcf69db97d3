// What a tool of a server answers, as a value that a guest can use.
// Invariant: a tool that declares an output gives exactly that; any other gives text, or a list of blocks where there is
// more than text. Both are values that the codec carries.
import { Buffer } from "node:buffer";
import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";
import type { JsonSchema, Schema } from "../core/schema.ts";

/** A block of an answer as guests get it. */
export interface Block {
  readonly type: "text" | "image" | "audio" | "resource" | "link";
  readonly text?: string;
  readonly data?: Uint8Array;
  readonly mimeType?: string;
  readonly uri?: string;
  readonly name?: string;
}

const CONTENT: JsonSchema = {
  description: "Text; or blocks, where there is more than text.",
  anyOf: [
    { type: "string" },
    {
      type: "array",
      items: {
        type: "object",
        properties: {
          type: { enum: ["text", "image", "audio", "resource", "link"] },
          text: { type: "string" },
          data: { description: "Uint8Array" },
          mimeType: { type: "string" },
          uri: { type: "string" },
          name: { type: "string" },
        },
        required: ["type"],
      },
    },
  ],
};

/** What tools without an output schema are declared to give. */
export const contentSchema: Schema = {
  "~standard": {
    version: 1,
    vendor: "mcp",
    validate: (value: unknown) => ({ value }),
    // The interface of Standard JSON Schema, for declarations.
    ...{ jsonSchema: { input: () => CONTENT, output: () => CONTENT } },
  },
};

/** The content of an answer: its text, or its blocks where there is anything else; null where it is empty. */
export function contentOf({ content, structuredContent }: CallToolResult): unknown {
  if (content.length === 0) return structuredContent ?? null;
  return textOf(content) ?? content.map(toBlock);
}

/** What an answer says that is an error. */
export function errorOf({ content, structuredContent }: CallToolResult): string {
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
  if (text.trim() !== "") return text;
  return structuredContent === undefined ? "it did not say why" : JSON.stringify(structuredContent);
}

/** The text of blocks, a line's end between them; null where one is no text. */
function textOf(content: readonly ContentBlock[]): string | null {
  const texts: string[] = [];
  for (const block of content) {
    if (block.type !== "text") return null;
    texts.push(block.text);
  }
  return texts.join("\n");
}

function toBlock(block: ContentBlock): Block {
  switch (block.type) {
    case "text":
      return { type: "text", text: block.text };
    case "image":
    case "audio":
      return { type: block.type, mimeType: block.mimeType, data: bytesOf(block.data) };
    case "resource_link":
      return { type: "link", uri: block.uri, name: block.name, ...mimeOf(block.mimeType) };
    case "resource": {
      const { resource } = block;
      const body = "text" in resource ? { text: resource.text } : { data: bytesOf(resource.blob) };
      return { type: "resource", uri: resource.uri, ...mimeOf(resource.mimeType), ...body };
    }
  }
}

function mimeOf(mimeType: string | undefined): { readonly mimeType?: string } {
  return mimeType === undefined ? {} : { mimeType };
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}
