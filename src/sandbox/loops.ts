// Mends a fault of the engine: in `for (let i = …; …; …)`, a turn that is left by `continue` keeps its variables, so
// that a closure made in it sees the next turn's `i` (both QuickJS lines have it; the numbers come out wrong, silently).
// Leaving the body by `break` to a label is right, so such a `continue` becomes one, of the same length.
// Invariant: only loops with closures in them are touched; every line stays, and every column but those that follow
// the label (3 characters) on the line where a loop's body begins.

/** A replacement in a source; positions count UTF-16 units from 0. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [part: string]: unknown;
}

interface Loop {
  readonly labels: readonly string[];
  /** Where the body starts, if this is a loop that needs mending; null for every other. */
  readonly body: number | null;
  /** The label given to the body; null until a `continue` needs it. */
  label: string | null;
}

const LOOPS = new Set([
  "ForStatement",
  "ForInStatement",
  "ForOfStatement",
  "WhileStatement",
  "DoWhileStatement",
]);
const CLOSURES = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassBody",
]);
const LABELS = Array.from(
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
  (letter) => `$${letter}`,
);

/** The edits that mend a program's loops, in the order of their positions. */
export function mendLoops(program: object): readonly Edit[] {
  const taken = new Set<string>();
  visit(program as Node, (node) => {
    if (node.type === "LabeledStatement") taken.add((node["label"] as { readonly name: string }).name);
  });
  const free = LABELS.filter((label) => !taken.has(label));
  const edits: Edit[] = [];
  mend(program as Node, [], { edits, free });
  return edits.sort((a, b) => a.start - b.start);
}

interface Mending {
  readonly edits: Edit[];
  /** Labels that the program does not use itself, one for each depth of loops. */
  readonly free: readonly string[];
}

function mend(node: Node, around: readonly Loop[], mending: Mending, labels: readonly string[] = []): void {
  if (node.type === "LabeledStatement") {
    const { name } = node["label"] as { readonly name: string };
    mend(node["body"] as Node, around, mending, [...labels, name]);
    return;
  }
  if (node.type === "ContinueStatement") {
    leave(node, around, mending);
    return;
  }
  // A closure's own loops are not inside of these.
  let loops = CLOSURES.has(node.type) ? [] : around;
  if (LOOPS.has(node.type)) {
    const body = isFragile(node) ? (node["body"] as Node).start : null;
    loops = [...loops, { labels, body, label: null }];
  }
  for (const child of childrenOf(node)) mend(child, loops, mending);
}

/** Turns a `continue` into a `break` out of the body of the loop that it goes on with. */
function leave(node: Node, around: readonly Loop[], { edits, free }: Mending): void {
  const name = (node["label"] as { readonly name: string } | null)?.name;
  const depth = around.findLastIndex((loop) => name === undefined || loop.labels.includes(name));
  const loop = around[depth];
  const label = loop?.label ?? free[depth];
  // Deeper than there are labels: the engine's fault stays.
  if (loop === undefined || loop.body === null || label === undefined) return;
  if (loop.label === null) {
    loop.label = label;
    edits.push({ start: loop.body, end: loop.body, text: `${label}:` });
  }
  // Without the semicolon that may end it: that one stays where it is.
  const end = name === undefined ? node.start + "continue".length : (node["label"] as Node).end;
  edits.push({ start: node.start, end, text: `break ${label}`.padEnd(end - node.start) });
}

/** Whether a loop has variables of its own in each turn, and closures that could hold them. */
function isFragile(node: Node): boolean {
  const init = node["init"] as Node | null | undefined;
  if (node.type !== "ForStatement" || init?.type !== "VariableDeclaration" || init["kind"] !== "let")
    return false;
  let found = false;
  visit(node, (inner) => {
    found ||= CLOSURES.has(inner.type);
  });
  return found;
}

function visit(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const child of childrenOf(node)) visit(child, see);
}

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node).flat().filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Partial<Node>).type === "string";
}
