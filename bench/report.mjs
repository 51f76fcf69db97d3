// A run as a table for readers: what was measured, against what aim, and how the others compare.
// Invariant: every figure of the table is in the JSON too; a ratio is the contender's figure over Fettle's.

const COLUMNS = {
  p50: "p50, ms",
  p99: "p99, ms",
  median: "median, runs/s",
  perSecond: "median, each second",
  least: "least",
  cpuMs: "CPU each, ms",
  mbEach: "MB each",
  guests: "guests",
  held: "requests",
  lost: "lost",
  startMs: "all started, ms",
  answerMs: "all answered, ms",
  plainMs: "plain, ms",
  polledMs: "polled, ms",
  ratio: "polled / plain",
  overRaw: "× the raw client",
  p50S: "p50, s",
  p99S: "p99, s",
  leastS: "least, s",
  ofMost: "of the most",
  commits: "commits",
  syncs: "file syncs",
  mean: "mean, ms",
  calls: "calls",
  kbEach: "on disk, KB",
  journalKb: "journal, KB",
  appends: "appends",
  stateKb: "state.mdb grew, KB",
  resumedS: "all resumed, s",
  endedS: "all ended, s",
  asked: "model asked",
  rssMb: "memory at most, MB",
  tasks: "tasks",
  samples: "samples",
  windows: "windows",
};

/** A line's measured rows with ratios to the first (Fettle's), and whether its aims are met. */
export function finish({ id, title, unit, better, headline, aims }, rows) {
  const [own] = rows;
  const compared = rows.map((row) => ({
    ...row,
    ...(rows.length > 1 && headline !== "ratio" ? { timesFettle: row[headline] / own[headline] } : {}),
  }));
  const judged = aims.map((aim) => {
    const value = own[aim.column];
    return { ...aim, value, met: aim.below === undefined ? value >= aim.above : value < aim.below };
  });
  return { id, title, unit, better, headline, aims: judged, rows: compared };
}

/** The whole run as Markdown. */
export function writeReport({ machine, short, lines, absent }) {
  const commit = machine.commit === null ? "" : ` (${machine.commit})`;
  const parts = [
    `# Benchmark on ${machine.runtime}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.os}; ${machine.runtime}, V8 ${machine.v8}; ` +
      `Fettle ${machine.fettle}${commit}; ${machine.date}; load when it began: ${machine.load}.`,
  ];
  if (short) parts.push("**A short run: it shows that the benchmark works, not how fast anything is.**");
  for (const line of lines) parts.push(`## ${line.title}`, ...line.aims.map(describeAim), tableOf(line));
  if (absent.length > 0) {
    parts.push(
      "## Not measured",
      absent.map(({ name, absent: reason }) => `- ${name}: ${reason}`).join("\n"),
    );
  }
  return `${parts.join("\n\n")}\n`;
}

function describeAim({ column, below, above, value, met }) {
  const bound =
    below === undefined ? `at least ${above}` : below === 1 && column === "lost" ? "none" : `below ${below}`;
  return `Aim: ${COLUMNS[column]} ${bound}. ${met ? "Met" : "**Missed**"}: ${figure(value)}.`;
}

function tableOf({ headline, rows }) {
  const [first] = rows;
  const columns = Object.keys(COLUMNS).filter((column) => column in first);
  columns.sort((a, b) => Number(b === headline) - Number(a === headline));
  const apart = "apart" in first;
  const ratio = "timesFettle" in first;
  const head = [
    "",
    ...columns.map((column) => COLUMNS[column]),
    ...(ratio ? ["× Fettle"] : []),
    ...(apart ? ["what it is"] : []),
  ];
  const body = rows.map((row) => [
    row.name,
    ...columns.map((column) => figure(row[column])),
    ...(ratio ? [figure(row.timesFettle)] : []),
    ...(apart ? [row.apart] : []),
  ]);
  const rule = head.map((_, index) => (index === 0 || (apart && index === head.length - 1) ? "---" : "---:"));
  return [head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Three significant digits, without exponents; a dash for what was not measured. */
export function figure(value) {
  if (value === null) return "–";
  if (value === 0 || Number.isInteger(value)) return String(value);
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}
