// A run as one picture: a panel for each line, a bar for each row, on a scale that fits the line.
// Invariant: plain SVG text without scripts or fonts of its own, so that it shows wherever Markdown does.
import { figure } from "./report.mjs";

const WIDTH = 860;
const LABELS = 270;
const VALUES = 90;
const BAR = 20;
const SCALE = WIDTH - LABELS - VALUES;

/** Draws all lines of a run. */
export function drawPlot({ machine, lines }) {
  const panels = [];
  let top = 84;
  for (const line of lines) {
    const panel = drawPanel(line, top);
    panels.push(panel.text);
    top += panel.height;
  }
  const subtitle = `${machine.cpu}, ${machine.cores} cores · ${machine.os} · ${machine.runtime} · ${machine.date.slice(0, 10)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(`Fettle benchmark on ${machine.runtime}`)}</title>
<rect width="${WIDTH}" height="${top}" fill="#ffffff"/>
${label(20, 30, `Fettle beside others on ${machine.runtime}`, 'font-size="18" font-weight="600"')}
${label(20, 50, subtitle, 'fill="#555"')}
${label(20, 68, "Blue: Fettle. Grey: others, and in brackets what bounds it. Thin line: up to the p99. Dashed: the aim.", 'fill="#555"')}
${panels.join("\n")}
</svg>
`;
}

function drawPanel({ title, unit, better, headline, aims, rows }, top) {
  const aim = aims.find(({ column }) => column === headline);
  const bound = aim?.below ?? aim?.above;
  const shown = rows.flatMap((row) => [row[headline], row.p99 ?? row[headline]]);
  const scale = makeScale([...shown, ...(bound === undefined ? [] : [bound])]);
  const first = top + 34;
  const bottom = first + rows.length * BAR;
  const parts = [
    label(20, top + 18, title.replaceAll("`", ""), 'font-size="14" font-weight="600"'),
    label(WIDTH - 20, top + 18, `${unit}${scale.name}; ${better} is better`, 'text-anchor="end" fill="#555"'),
  ];
  for (const tick of scale.ticks) {
    const x = LABELS + scale.at(tick);
    parts.push(
      `<line x1="${x}" y1="${first}" x2="${x}" y2="${bottom}" stroke="#e3e3e3"/>`,
      label(x, bottom + 15, figure(tick), 'text-anchor="middle" fill="#777" font-size="11"'),
    );
  }
  const bars = rows.map((row, index) => drawBar(row, headline, scale, first + index * BAR));
  parts.push(...bars.flatMap(({ bar }) => bar));
  if (bound !== undefined) {
    const x = LABELS + scale.at(bound);
    parts.push(
      `<line x1="${x}" y1="${first - 4}" x2="${x}" y2="${bottom}" stroke="#c2410c" stroke-dasharray="4 3"/>`,
    );
  }
  parts.push(...bars.map(({ value }) => value));
  return { text: parts.join("\n"), height: bottom - top + 34 };
}

function drawBar(row, headline, scale, y) {
  const width = Math.max(1, scale.at(row[headline]));
  const isOwn = row.name.startsWith("Fettle") || row.plainMs !== undefined;
  const bar = [
    label(LABELS - 8, y + 14, row.name, 'text-anchor="end"'),
    `<rect x="${LABELS}" y="${y + 3}" width="${width}" height="${BAR - 7}" fill="${isOwn ? "#2563eb" : "#a3a3a3"}"/>`,
  ];
  let end = width;
  if (row.p99 !== undefined) {
    end = scale.at(row.p99);
    const middle = y + 3 + (BAR - 7) / 2;
    bar.push(
      `<line x1="${LABELS + width}" y1="${middle}" x2="${LABELS + end}" y2="${middle}" stroke="#444"/>`,
    );
  }
  const halo = 'paint-order="stroke" stroke="#ffffff" stroke-width="4"';
  return { bar, value: label(LABELS + end + 6, y + 14, figure(row[headline]), halo) };
}

/** Logarithmic where values lie far apart, else linear from zero. */
function makeScale(values) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  if (most / least < 8) {
    const step = 10 ** Math.floor(Math.log10(most)) / 2;
    const end = Math.ceil(most / step) * step;
    const every = end / step > 8 ? 4 : end / step > 4 ? 2 : 1;
    const ticks = Array.from(
      { length: Math.floor(end / step / every) + 1 },
      (_, index) => index * step * every,
    );
    return { name: "", ticks, at: (value) => round((value / end) * SCALE) };
  }
  const from = Math.floor(Math.log10(least));
  const to = Math.max(from + 1, Math.ceil(Math.log10(most)));
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));
  const at = (value) => round(((Math.log10(value) - from) / (to - from)) * SCALE);
  return { name: ", logarithmic", ticks, at };
}

function label(x, y, text, attributes) {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(text)}</text>`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
