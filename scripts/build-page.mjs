// Bundles the inspector's page into files that its server gives as they are: one script, one style sheet, no other host;
// and the runtime's own charts, laid out: that takes a second, in which a mesh in the same process would stand still.
// Invariant: the page loads nothing but these files, and the licences of all that is bundled lie beside them.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { build } from "esbuild";

const root = new URL("../", import.meta.url);
const source = new URL("src/app/inspector/page/", root);
const target = new URL("dist/src/app/inspector/page/", root);
const charts = new URL("dist/src/app/charts/", root);
const { CHART_STYLE } = await import(new URL("svg-style.js", charts).href);

const { metafile } = await build({
  entryPoints: ["main.tsx", "styles/all.css"].map((name) => ({
    in: new URL(name, source).pathname,
    out: "app",
  })),
  outdir: target.pathname,
  bundle: true,
  minify: true,
  metafile: true,
  format: "esm",
  target: ["es2022"],
  legalComments: "eof",
  banner: {
    js: "/*! Fettle's inspector. What is bundled here besides, and its licences: licenses.txt */",
    // First, so that the page's own rules go before it.
    css: CHART_STYLE,
  },
});

/** The npm packages whose code is in the bundle. */
const packages = [
  ...new Set(
    Object.keys(metafile.inputs).flatMap(
      (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
    ),
  ),
].sort();
const licences = packages.map((name) => {
  const folder = new URL(`node_modules/${name}/`, root);
  const { version, license } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
  return `${name} ${version} (${license})\n\n${readFileSync(new URL("LICENSE", folder), "utf8").trim()}\n`;
});
mkdirSync(target, { recursive: true });
writeFileSync(new URL("licenses.txt", target), licences.join(`\n${"-".repeat(80)}\n\n`));
for (const name of ["index.html", "icon.svg"]) copyFileSync(new URL(name, source), new URL(name, target));

/** Charts that are shown beside other things too: short enough for that, as `<name>.brief`. */
const BRIEF = ["agent", "task"];

const laidOut = new URL("charts.json", target);
const newest = Math.max(...modifiedIn(charts), ...modifiedIn(new URL("dist/machines/", root)));
if (!existsSync(laidOut) || statSync(laidOut).mtimeMs < newest) {
  const { OWN_CHARTS } = await import(new URL("charts.js", charts).href);
  const { machineGraph } = await import(new URL("machine-graph.js", charts).href);
  const { briefGraph } = await import(new URL("brief.js", charts).href);
  const { layoutChart } = await import(new URL("layout.js", charts).href);
  const placed = {};
  for (const { name, machine } of OWN_CHARTS) {
    const graph = machineGraph(machine);
    placed[name] = await layoutChart(graph);
    if (BRIEF.includes(name)) placed[`${name}.brief`] = await layoutChart(briefGraph(graph));
  }
  writeFileSync(laidOut, JSON.stringify(placed));
}

/** When each module of a folder was written. */
function modifiedIn(folder) {
  const modules = readdirSync(folder).filter((name) => name.endsWith(".js"));
  return modules.map((name) => statSync(new URL(name, folder)).mtimeMs);
}
