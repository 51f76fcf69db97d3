// Reads XML as strictly as browsers read an SVG: what is not well-formed throws.

/** An element of a document that was read. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

const TAG = /<(\/?)([A-Za-z][\w-]*)((?:\s+[A-Za-z][\w:-]*="[^"<]*")*)\s*(\/?)>/y;
const TEXT = /[^<]+/y;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
// eslint-disable-next-line no-control-regex -- they are what XML forbids.
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u;

/** Reads a document of one element. @throws Error that says where it is not well-formed. */
export function readXml(text: string): XmlElement {
  if (FORBIDDEN.test(text)) throw new Error("A character that XML does not have.");
  const top: { name: string; attributes: Record<string, string>; children: (XmlElement | string)[] } = {
    name: "",
    attributes: {},
    children: [],
  };
  const open = [top];
  for (let at = 0; at < text.length;) {
    const within = open.at(-1) ?? top;
    TEXT.lastIndex = TAG.lastIndex = at;
    const run = TEXT.exec(text)?.[0];
    const tag = run === undefined ? TAG.exec(text) : null;
    if (run !== undefined) {
      within.children.push(unescape(run));
      at += run.length;
    } else if (tag === null) throw new Error(`No tag at ${at}: ${text.slice(at, at + 60)}`);
    else {
      const [whole, isEnd = "", name = "", attributes = "", isEmpty = ""] = tag;
      at += whole.length;
      if (isEnd !== "") {
        if (within.name !== name) throw new Error(`<${within.name}> is closed by </${name}> at ${at}.`);
        open.pop();
        continue;
      }
      const element = { name, attributes: readAttributes(attributes), children: [] };
      within.children.push(element);
      if (isEmpty === "") open.push(element);
    }
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.name ?? ""}> is never closed.`);
  const [root, ...more] = top.children.filter((child) => typeof child !== "string");
  if (root === undefined || more.length > 0) throw new Error("A document has one element.");
  return root;
}

/** All elements, in the order of the document. */
export function elementsOf(element: XmlElement): readonly XmlElement[] {
  return [
    element,
    ...element.children.flatMap((child) => (typeof child === "string" ? [] : elementsOf(child))),
  ];
}

/** The text in an element. */
export function textOf({ children }: XmlElement): string {
  return children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");
}

function readAttributes(text: string): Record<string, string> {
  const found = [...text.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [
    name,
    unescape(value),
  ]);
  const attributes = Object.fromEntries(found) as Record<string, string>;
  if (Object.keys(attributes).length !== found.length)
    throw new Error(`An attribute stands twice in ${text}.`);
  return attributes;
}

function unescape(text: string): string {
  return text.replace(/&([^;]{0,6};?)/g, (whole, name: string) => {
    const character = name.endsWith(";") ? ENTITIES[name.slice(0, -1)] : undefined;
    if (character === undefined) throw new Error(`${whole} is no entity.`);
    return character;
  });
}
