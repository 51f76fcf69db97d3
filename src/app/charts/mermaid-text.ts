// Names and texts into Mermaid: whatever somebody chose to write stands in a diagram as text, and does nothing else.
// Invariant: a text is one line of letters, digits, plain marks and Mermaid's numbered entities; names are words.

// Mermaid reads quotes, brackets, semicolons, colons, hashes and more as its own; `#34;` is a quote wherever it stands.
const PLAIN = /[A-Za-z0-9 _.,/=+!?()[\]*-]/;

/** A text as it may stand in quotes or after a colon; empty ones become a space. */
export function mermaidText(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const written = Array.from(line, (character) => (PLAIN.test(character) ? character : entity(character)));
  return written.join("") || "#160;";
}

/** Names for ids: words that are unique, and like the ids where those are made of letters, digits and points. */
export function mermaidNames(ids: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  return new Map(
    ids.map((id, index) => {
      const word = id.replaceAll(".", "_").replaceAll("-", "_");
      // A number at the end keeps what is not made of words, would stand twice, or is a word of Mermaid's own apart.
      const isWord = /^[A-Za-z][A-Za-z0-9_]{0,200}$/.test(word) && word.includes("_") && !word.includes("__");
      const name = isWord && !taken.has(word) ? word : `chart__${index}`;
      taken.add(name);
      return [id, name];
    }),
  );
}

function entity(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const isText =
    code >= 32 && (code < 127 || code > 159) && (code < 0xd800 || code > 0xdfff) && code < 0xfffe;
  return `#${isText || code > 0xffff ? code : 0xfffd};`;
}
