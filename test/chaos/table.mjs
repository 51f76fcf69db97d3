// A campaign's outcome for readers: what was killed how often, and the counts that must all be 0.

const COLUMNS = [
  ["title", "scenario"],
  ["points", "journal points"],
  ["runs", "runs"],
  ["kills", "kills"],
  ["lost", "tasks lost"],
  ["differing", "results that differ"],
  ["repeated", "recorded calls repeated"],
  ["renamed", "repeats under another id"],
  ["modelsAgain", "in flight, asked again"],
  ["toolsAgain", "in flight, called again"],
];

/** The kinds of faults; any of them fails the campaign. */
export const FAULTS = ["lost", "differing", "repeated", "renamed"];

/** All rows and their sum as a Markdown table, which is plain text too. */
export function tableOf(rows) {
  const sum = Object.fromEntries(
    COLUMNS.map(([key]) => [key, rows.reduce((total, row) => total + Number(row[key]), 0)]),
  );
  const body = [...rows, { ...sum, title: "all" }].map((row) => COLUMNS.map(([key]) => String(row[key])));
  const head = COLUMNS.map(([, name]) => name);
  const widths = head.map((name, index) =>
    Math.max(name.length, ...body.map((cells) => cells[index].length)),
  );
  const line = (cells) =>
    `| ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index]))).join(" | ")} |`;
  const rule = widths.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [head, rule, ...body].map(line).join("\n");
}
