// Where a workflow's data comes from: an earlier step's output or the step's own context, and a path into it.
// Invariant: only own properties are followed, so that no path reaches a prototype; what is not there is undefined.

/** Names a value: of a step's output, or, without `step`, of the step's own context. */
export interface Reference {
  /** The id of a step; it becomes a dependency, listed or not. */
  readonly step?: string;
  /** Names and indices from the top, as `rows.0.name` or as a list; the whole value where absent. */
  readonly path?: string | readonly (string | number)[];
}

/** What references are looked up in. */
export interface Scope {
  /** Outputs of the steps that came before, by id; a skipped step has none. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** The step's own context. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** The value that a reference names; undefined where there is none. */
export function lookUp(reference: Reference, scope: Scope): unknown {
  const { step, path = [] } = reference;
  const top = step === undefined ? scope.context : own(scope.outputs, step);
  const names = path === "" ? [] : typeof path === "string" ? path.split(".") : path;
  return names.reduce<unknown>((value, name) => own(value, String(name)), top);
}

/** A reference as people read it: `rows.0 of step "fetch"`. */
export function describeReference({ step, path = [] }: Reference): string {
  const where = step === undefined ? "the context" : `the output of step "${step}"`;
  const inner = typeof path === "string" ? path : path.join(".");
  return inner === "" ? where : `"${inner}" in ${where}`;
}

function own(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}
