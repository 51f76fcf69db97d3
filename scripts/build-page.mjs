// Bundles the inspector's page into files that its server gives as they are: one script, one style sheet, no other host.
// Invariant: the page loads nothing but these files, and the licences of all that is bundled lie beside them.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const root = new URL("../", import.meta.url);
const source = new URL("src/app/inspector/page/", root);
const target = new URL("dist/src/app/inspector/page/", root);
const { CHART_STYLE } = await import(new URL("dist/src/app/charts/svg-style.js", root).href);

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
