// Text into SVG: whatever somebody chose to write stands in it as text, and does nothing else.
// Invariant: what is escaped is well-formed XML as a text and as an attribute in double quotes.

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
// XML cannot hold most control characters, lone surrogates and two others, escaped or not.
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Text as XML. */
export function escapeXml(text: string): string {
  return text.replace(FORBIDDEN, "\ufffd").replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}

/** An element with attributes; those that are null are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | null>>,
  content: string | readonly string[] = "",
): string {
  const written = Object.entries(attributes).flatMap(([key, value]) =>
    value === null ? [] : [` ${key}="${typeof value === "number" ? value : escapeXml(value)}"`],
  );
  const inner = typeof content === "string" ? content : content.join("");
  return inner === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${inner}</${name}>`;
}
