// How charts look, in light and dark: one style sheet, whose colours are variables that a page may set itself.
// Invariant: every rule begins at `.fettle-chart`, so that a page that takes a drawing in keeps its own looks.

const LIGHT = {
  ground: "#f8fafc",
  state: "#ffffff",
  around: "#f1f5f9",
  inside: "#e8eef5",
  line: "#cbd5e1",
  text: "#0f172a",
  muted: "#64748b",
  edge: "#94a3b8",
  event: "#4338ca",
  after: "#b45309",
  error: "#be123c",
  lit: "#2563eb",
  "lit-fill": "#dbeafe",
  taken: "#2563eb",
};

const DARK: typeof LIGHT = {
  ground: "#0b1120",
  state: "#1e293b",
  around: "#111a2e",
  inside: "#17223a",
  line: "#3b4a63",
  text: "#f1f5f9",
  muted: "#94a3b8",
  edge: "#64748b",
  event: "#a5b4fc",
  after: "#fbbf24",
  error: "#fb7185",
  lit: "#60a5fa",
  "lit-fill": "#1e3a8a",
  taken: "#60a5fa",
};

/** The style sheet. A page's `data-theme` of light or dark on any element around it goes before the system's. */
export const CHART_STYLE = `
.fettle-chart{${variables(LIGHT)}}
@media (prefers-color-scheme:dark){.fettle-chart{${variables(DARK)}}}
[data-theme=light] .fettle-chart{${variables(LIGHT)}}
[data-theme=dark] .fettle-chart{${variables(DARK)}}
.fettle-chart{font-family:"Helvetica Neue",Helvetica,Arial,"Liberation Sans",sans-serif;font-size:11px}
.fettle-chart .ground{fill:var(--chart-ground)}
.fettle-chart .box{fill:var(--chart-state);stroke:var(--chart-line);stroke-width:1.2}
.fettle-chart .around>.box{fill:var(--chart-around)}
.fettle-chart .around.odd>.box{fill:var(--chart-inside)}
.fettle-chart .parallel>.box{stroke-dasharray:6 4}
.fettle-chart .transient>.box{stroke-dasharray:2.5 3}
.fettle-chart .ring{fill:none;stroke:var(--chart-line);stroke-width:1.2}
.fettle-chart .rule{stroke:var(--chart-line);stroke-width:1}
.fettle-chart text{fill:var(--chart-text)}
.fettle-chart .title{font-size:13px;font-weight:700}
.fettle-chart .description,.fettle-chart .keyword{fill:var(--chart-muted)}
.fettle-chart .path{fill:none;stroke:var(--chart-edge);stroke-width:1.3}
.fettle-chart .head{fill:var(--chart-edge);stroke:none}
.fettle-chart .dot{fill:var(--chart-text)}
.fettle-chart .label{fill:var(--chart-ground);stroke:var(--chart-line);stroke-width:.8}
.fettle-chart .guard{fill:var(--chart-muted);font-style:italic}
.fettle-chart .kind-event .event{fill:var(--chart-event)}
.fettle-chart .kind-after .event{fill:var(--chart-after)}
.fettle-chart .kind-error .event{fill:var(--chart-error)}
.fettle-chart .kind-error .path{stroke:var(--chart-error);stroke-dasharray:4 3;stroke-width:1.1;stroke-opacity:.75}
.fettle-chart .kind-error .head{fill:var(--chart-error);fill-opacity:.8}
.fettle-chart .same>.path,.fettle-chart .same>.head{opacity:0}
.fettle-chart .lit>.box{stroke:var(--chart-lit);stroke-width:2.4}
.fettle-chart .lit:not(.around)>.box{fill:var(--chart-lit-fill)}
.fettle-chart .lit>.ring{stroke:var(--chart-lit)}
.fettle-chart .taken>.path{stroke:var(--chart-taken);stroke-width:2.6;stroke-opacity:1;opacity:1}
.fettle-chart .taken>.head{fill:var(--chart-taken);fill-opacity:1;opacity:1}
.fettle-chart .taken text{fill:var(--chart-taken)}
`.trim();

function variables(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours)
    .map(([name, value]) => `--chart-${name}:${value}`)
    .join(";");
}
