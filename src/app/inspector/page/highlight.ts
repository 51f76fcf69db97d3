// Colours code: as tokens with the name of what they are, so that the page shows them as text.
// Invariant: the tokens' texts, joined, are the code itself.
import hljs from "highlight.js/lib/core";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";

hljs.registerLanguage("javascript", javascript);
hljs.registerLanguage("json", json);

/** A stretch of a line; `kind` is a class of the style sheet, or null for plain text. */
export interface Token {
  readonly kind: string | null;
  readonly text: string;
}

interface Node {
  readonly scope?: string;
  readonly children: readonly (Node | string)[];
}

/** Longer texts are not coloured: it would take the page's time. */
const MOST_CHARACTERS = 60_000;

/** The lines of a code. */
export function highlight(
  code: string,
  language: "javascript" | "json" | "text",
): readonly (readonly Token[])[] {
  if (language === "text" || code.length > MOST_CHARACTERS)
    return code.split("\n").map((text) => [{ kind: null, text }]);
  const { _emitter } = hljs.highlight(code, { language, ignoreIllegals: true });
  const lines: Token[][] = [[]];
  for (const { kind, text } of tokensOf(
    (_emitter as unknown as { readonly rootNode: Node }).rootNode,
    null,
  )) {
    for (const [index, part] of text.split("\n").entries()) {
      if (index > 0) lines.push([]);
      if (part !== "") lines.at(-1)?.push({ kind, text: part });
    }
  }
  return lines;
}

function tokensOf(node: Node, around: string | null): readonly Token[] {
  const kind = node.scope === undefined ? around : `hl-${node.scope.split(".")[0] ?? ""}`;
  return node.children.flatMap((child) =>
    typeof child === "string" ? [{ kind, text: child }] : tokensOf(child, kind),
  );
}
