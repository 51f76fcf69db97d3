// Reads what a source file imports, exports and does, by TypeScript's own parser.
// Invariant: every way to reach another file counts: static, re-exported, dynamic, type-only (also as
// `import("…")` in a type) and `new URL("…", import.meta.url)`, which is how workers are started.
import ts from "typescript";

/** One reference to another file or package. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly kind: "import" | "re-export" | "dynamic" | "url";
  readonly typeOnly: boolean;
  /** The names that are imported; `*` for all. */
  readonly names: readonly string[];
}

/** What the rules look at in one file. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** Exported functions, classes and constants with their lines; types are not counted. */
  readonly exports: readonly { readonly name: string; readonly line: number }[];
  readonly defaultExportLine: number | undefined;
  readonly environmentLine: number | undefined;
}

/** Parses a file. */
export function readSource(path: string, text: string): Source {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const lineOf = (node: ts.Node): number => file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const imports: Import[] = [];
  const exports: { name: string; line: number }[] = [];
  let defaultExportLine: number | undefined;
  let environmentLine: number | undefined;

  const add = (
    node: ts.Node,
    specifier: ts.Node | undefined,
    rest: Omit<Import, "specifier" | "line">,
  ): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      imports.push({ specifier: specifier.text, line: lineOf(node), ...rest });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const clause = node.importClause;
      const names = clause === undefined ? [] : importedNames(clause);
      add(node, node.moduleSpecifier, { kind: "import", typeOnly: isTypeOnly(clause), names });
    } else if (ts.isExportDeclaration(node)) {
      const clause = node.exportClause;
      const elements = clause !== undefined && ts.isNamedExports(clause) ? clause.elements : undefined;
      const names = elements?.map((element) => (element.propertyName ?? element.name).text) ?? ["*"];
      if (elements?.some((element) => element.name.text === "default") === true)
        defaultExportLine = lineOf(node);
      add(node, node.moduleSpecifier, { kind: "re-export", typeOnly: node.isTypeOnly, names });
    } else if (ts.isExportAssignment(node)) {
      defaultExportLine = lineOf(node);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], { kind: "dynamic", typeOnly: false, names: ["*"] });
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, { kind: "import", typeOnly: true, names: ["*"] });
    } else if (isFileUrl(node)) {
      add(node, node.arguments?.[0], { kind: "url", typeOnly: false, names: ["*"] });
    }
    if (isEnvironment(node)) environmentLine ??= lineOf(node);
    if (hasModifier(node, ts.SyntaxKind.ExportKeyword)) {
      if (hasModifier(node, ts.SyntaxKind.DefaultKeyword)) defaultExportLine = lineOf(node);
      else for (const name of declaredNames(node)) exports.push({ name, line: lineOf(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, text, imports, exports, defaultExportLine, environmentLine };
}

function importedNames(clause: ts.ImportClause): string[] {
  const bindings = clause.namedBindings;
  const names = clause.name === undefined ? [] : ["default"];
  if (bindings === undefined) return names;
  if (ts.isNamespaceImport(bindings)) return [...names, "*"];
  return [...names, ...bindings.elements.map((element) => (element.propertyName ?? element.name).text)];
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  return (
    clause.name === undefined &&
    bindings !== undefined &&
    ts.isNamedImports(bindings) &&
    bindings.elements.length > 0 &&
    bindings.elements.every((element) => element.isTypeOnly)
  );
}

/** `new URL("…", import.meta.url)` */
function isFileUrl(node: ts.Node): node is ts.NewExpression {
  return (
    ts.isNewExpression(node) &&
    node.expression.getText() === "URL" &&
    node.arguments?.[1]?.getText() === "import.meta.url"
  );
}

/** `process.env`, `globalThis.process.env`, `Deno.env` or `import { env } from "node:process"`. */
function isEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) {
    return node.name.text === "env" && /(?:^|\.)(?:process|Deno)$/.test(node.expression.getText());
  }
  if (ts.isElementAccessExpression(node)) {
    const name = node.argumentExpression;
    return (
      ts.isStringLiteralLike(name) &&
      name.text === "env" &&
      /\b(?:process|Deno)$/.test(node.expression.getText())
    );
  }
  return ts.isImportDeclaration(node) && /["'](?:node:)?process["']/.test(node.moduleSpecifier.getText());
}

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return (
    ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) === true
  );
}

function declaredNames(node: ts.Node): string[] {
  if (ts.isVariableStatement(node)) {
    return node.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [name.text] : [],
    );
  }
  if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) return node.name ? [node.name.text] : [];
  return [];
}
