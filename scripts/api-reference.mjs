// Writes the API reference, docs/api, from the docstrings of all that package.json exports: `npm run docs:api`.
// - "fettle" becomes a page for each heading of src/index.ts, every other entry point one page.
// - Charts are shown by name: their types, which XState infers, would be longer than all the rest.
// Invariant: the same sources give the same pages on any machine; a name without a docstring is an error.
// `--out <folder>` writes them elsewhere than to docs/api.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  Application,
  Comment,
  Converter,
  DeclarationReflection,
  ReferenceType,
  ReflectionKind,
} from "typedoc";
import { MarkdownPageEvent } from "typedoc-plugin-markdown";

const root = fileURLToPath(new URL("..", import.meta.url));
const { out } = parseArgs({ options: { out: { type: "string", default: join(root, "docs/api") } } }).values;

const read = (path) => readFileSync(join(root, path), "utf8");

/** The entry points: as programs import them, and their sources. */
const entries = Object.entries(JSON.parse(read("package.json")).exports)
  .filter(([, target]) => typeof target === "object")
  .map(([path, { types }]) => ({
    specifier: `fettle${path.slice(1)}`,
    source: types.replace(/^\.\/dist\/(.*)\.d\.ts$/, "$1.ts"),
  }));

/**
 * The pages in their order. The names on a page are null where it has all of its entry point.
 *
 * @type {{ file: string, specifier: string, source: string, title: string, about: string, names: string[] | null }[]}
 */
const pages = entries.flatMap(({ specifier, source }) => {
  const [opening, ...parts] = read(source).split(/\n\n(?=\/\/ )/);
  if (specifier !== "fettle") {
    const file = specifier.replace("fettle/", "");
    const about = openingOf(opening);
    return [{ file, specifier, source, title: specifier, about, names: null }];
  }
  return parts.map((part) => {
    const [, title, about] = /^\/\/ (\w+)\. (.*)$/m.exec(part) ?? [];
    if (title === undefined) throw new Error(`${source}: no heading "Name. What it is about." in\n${part}`);
    return { file: title.toLowerCase(), specifier, source, title, about, names: exportedBy(part) };
  });
});

const OPENING = `# API reference

Every name that programs import, made from the docstrings in the source by \`npm run docs:api\`.
What the words mean is told by the [documentation](../../README.md#documentation).
`;

/** What the comment says that a file begins with, up to its invariant. */
function openingOf(text) {
  return text
    .split("\n")
    .filter((line) => line.startsWith("// "))
    .map((line) => line.slice(3))
    .join(" ")
    .replace(/ Invariant: .*$/, "")
    .replace(/[:,][^:,]*\bimport(ed)? .*$/, ".");
}

/** The names in a list of `export { a, type B } from …`. */
function exportedBy(text) {
  return [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list]) =>
    list
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== ""),
  );
}

const application = await Application.bootstrapWithPlugins({
  entryPoints: entries.map(({ source }) => join(root, source)),
  tsconfig: join(root, "tsconfig.json"),
  plugin: ["typedoc-plugin-markdown"],
  router: "module",
  readme: "none",
  // The types are checked by the build.
  skipErrorChecking: true,
  disableSources: true,
  disableGit: true,
  sourceLinkTemplate: "{path}",
  excludeExternals: true,
  excludeProtected: true,
  excludeInternal: true,
  sort: ["source-order"],
  groupOrder: [
    ...["Functions", "Classes", "Variables", "Interfaces", "Type Aliases"],
    ...["Constructors", "Properties", "Accessors", "Methods"],
  ],
  validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: true },
  treatValidationWarningsAsErrors: true,
  treatWarningsAsErrors: true,
  requiredToBeDocumented: ["Class", "Function", "Interface", "TypeAlias", "Variable", "Method", "Accessor"],
  pageTitleTemplates: { module: ({ name }) => pages.find(({ file }) => file === name)?.title ?? name },
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: "table",
  interfacePropertiesFormat: "table",
  classPropertiesFormat: "table",
  typeAliasPropertiesFormat: "table",
  tableColumnSettings: { hideModifiers: true, hideInherited: true, hideOverrides: true, hideSources: true },
  name: "fettle",
  out: resolve(out),
  cleanOutputDir: true,
  githubPages: false,
});

/** Aliases that are computed from values, such as `(typeof NAMES)[number]`, are shown as what they come to. */
application.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
  if (!reflection.kindOf(ReflectionKind.TypeAlias)) return;
  const [declaration] = context.getSymbolFromReflection(reflection)?.declarations ?? [];
  if (/\btypeof [A-Z]|\btypeof \w+[sS]chema\b/.test(declaration?.getText() ?? "")) {
    reflection.comment?.modifierTags.add("@useDeclaredType");
  }
});

/** What a page's entry point passes on from another page. */
const passedOn = new Map();

application.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  const modules = new Map(project.children.map((module, index) => [entries[index]?.specifier, module]));
  for (const page of pages) {
    const from = modules.get(page.specifier);
    const module =
      page.names === null ? from : new DeclarationReflection(page.file, ReflectionKind.Module, project);
    module.name = page.file;
    module.comment = new Comment([{ kind: "text", text: page.about }]);
    for (const chart of module.children?.filter(({ name }) => name.endsWith("Machine")) ?? []) {
      project.removeTypeReflections(chart.type);
      chart.type = ReferenceType.createBrokenReference("StateMachine", project, "xstate");
    }
    if (module === from) continue;
    project.registerReflection(module, undefined, undefined);
    project.addChild(module);
    for (const name of page.names) {
      const child = from.children.find((one) => one.name === name);
      from.removeChild(child);
      child.parent = module;
      module.addChild(child);
    }
  }
  project.removeReflection(modules.get("fettle"));
  for (const reference of project.getReflectionsByKind(ReflectionKind.Reference)) {
    const { name } = reference.parent;
    passedOn.set(name, [...(passedOn.get(name) ?? []), reference.getTargetReflection()]);
    project.removeReflection(reference);
  }
});

/** Each member is told as its own, wherever it was inherited from; what is taken apart in the source has a name here. */
application.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
  for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) {
    delete reflection.inheritedFrom;
    delete reflection.overwrites;
    delete reflection.implementationOf;
    if (reflection.name === "__namedParameters") reflection.name = "options";
  }
});

const VALUES = ReflectionKind.Function | ReflectionKind.Class | ReflectionKind.Variable;

/** Links to the names on a page, as another page or the page itself has them: first values, then types. */
function linksTo({ name, groups }, file) {
  const { router } = application.renderer;
  const pageOf = (one) => (one.parent.name === name ? file : `${one.parent.name}.md`);
  const link = (one) => `[\`${one.name}\`](${pageOf(one)}#${router.getAnchor(one)})`;
  const sorted = groups.flatMap((group) => group.children);
  const values = sorted.filter((one) => one.kindOf(VALUES));
  const types = sorted.filter((one) => !values.includes(one));
  return [values, types, passedOn.get(name) ?? []]
    .filter(({ length }) => length > 0)
    .map((list) => list.map(link).join(" · "))
    .join("\n\n");
}

/** Marks the headings that are linked to by another name than their own, since a member has theirs. */
function markHeadings(text, { children }) {
  const anchors = new Map(children.map((one) => [one.name, application.renderer.router.getAnchor(one)]));
  return text.replaceAll(/^### (\w+)/gm, (heading, name) => {
    const anchor = anchors.get(name) ?? "";
    return anchor.endsWith("-1") ? `<a id="${anchor}"></a>\n\n${heading}` : heading;
  });
}

application.renderer.on(MarkdownPageEvent.END, (page) => {
  const { children = [] } = page.model;
  if (page.model.kindOf(ReflectionKind.Module)) {
    const { specifier, about } = pages.find(({ file }) => file === page.model.name);
    const [title, body] = page.contents.split(`${about}\n`);
    const statement = `\`\`\`ts\nimport { … } from "${specifier}";\n\`\`\`\n`;
    page.contents = `${title}${about}\n\n${statement}\n${linksTo(page.model, "")}\n${markHeadings(body, page.model)}`;
  } else {
    const parts = pages.map(({ file, title, about }) => {
      const module = children.find(({ name }) => name === file);
      return `## [${title}](${file}.md)\n\n${about}\n\n${linksTo(module, `${file}.md`)}\n`;
    });
    page.contents = `${OPENING}\n${parts.join("\n")}`;
  }
});

/** Of the marks in tables, leaves those that a link leads to. */
function dropMarks(folder) {
  const texts = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  const wanted = new Set();
  for (const [name, text] of texts) {
    for (const [, page, anchor] of text.matchAll(/\]\(([\w.-]*)#([\w-]+)\)/g))
      wanted.add(`${page || name}#${anchor}`);
  }
  for (const [name, text] of texts) {
    const kept = text.replaceAll(/<a id="([\w-]+)"><\/a> /g, (mark, id) =>
      wanted.has(`${name}#${id}`) ? mark : "",
    );
    writeFileSync(join(folder, name), kept);
  }
}

const project = await application.convert();
application.validate(project);
for (const { name, children = [] } of project.getReflectionsByKind(ReflectionKind.Interface)) {
  if (!name.endsWith("Options")) continue;
  for (const option of children.filter((one) => !one.hasComment() && !one.signatures)) {
    application.logger.error(`${name}.${option.name} does not have any documentation`);
  }
}
await application.generateOutputs(project);
dropMarks(resolve(out));
process.exitCode = application.logger.hasErrors() || application.logger.hasWarnings() ? 1 : 0;
