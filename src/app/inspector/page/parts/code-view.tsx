// Code with its line numbers, what failed at its line, and the difference between two tries.
// Invariant: every character of it is a text node.
import { diffLines } from "diff";
import { useMemo, useState } from "preact/hooks";
import { highlight, type Token } from "../highlight.ts";

/** What is said of one line. */
export interface LineMark {
  readonly line: number;
  readonly column?: number | undefined;
  readonly text: string;
}

interface Row {
  readonly number: number | null;
  readonly sign: "+" | "−" | " ";
  readonly tokens: readonly Token[];
}

/** More lines than these are folded until somebody wants them. */
const FOLDED_FROM = 60;

/** Shows code; with `previous`, what has changed since. */
export function CodeView(props: {
  readonly code: string;
  readonly language: "javascript" | "json" | "text";
  readonly label: string;
  readonly previous?: string | null;
  readonly mark?: LineMark | undefined;
}) {
  const { code, language, label, previous = null, mark } = props;
  const [asDiff, setAsDiff] = useState(previous !== null);
  const [isWhole, setWhole] = useState(false);
  const rows = useMemo(
    () => (asDiff && previous !== null ? diffRows(previous, code, language) : plainRows(code, language)),
    [code, previous, asDiff, language],
  );
  const shown = isWhole || rows.length <= FOLDED_FROM + 10 ? rows : rows.slice(0, FOLDED_FROM);
  return (
    <figure class="code">
      <figcaption>
        <span>{label}</span>
        {previous === null ? null : (
          <span class="switch" role="group" aria-label="How the code is shown">
            <button type="button" aria-pressed={asDiff} onClick={() => setAsDiff(true)}>
              Changes
            </button>
            <button type="button" aria-pressed={!asDiff} onClick={() => setAsDiff(false)}>
              Code
            </button>
          </span>
        )}
      </figcaption>
      <pre tabIndex={0} role="group" aria-label={label}>
        {shown.map((row, index) => (
          <Line
            key={index}
            row={row}
            mark={row.sign !== "−" && row.number === mark?.line ? mark : undefined}
          />
        ))}
      </pre>
      {shown.length < rows.length ? (
        <button type="button" class="plain more" onClick={() => setWhole(true)}>
          Show all {rows.length} lines
        </button>
      ) : null}
    </figure>
  );
}

/** The lines around one that failed. */
export function CodeExcerpt({ code, mark }: { readonly code: string; readonly mark: LineMark }) {
  const rows = useMemo(
    () => plainRows(code, "javascript").slice(Math.max(0, mark.line - 3), mark.line + 2),
    [code, mark.line],
  );
  return (
    <figure class="code excerpt">
      <pre tabIndex={0} role="group" aria-label={`The code around line ${mark.line}`}>
        {rows.map((row) => (
          <Line key={row.number} row={row} mark={row.number === mark.line ? mark : undefined} />
        ))}
      </pre>
    </figure>
  );
}

function Line({ row, mark }: { readonly row: Row; readonly mark: LineMark | undefined }) {
  const kind = row.sign === "+" ? " added" : row.sign === "−" ? " removed" : "";
  return (
    <>
      <span class={`line${kind}${mark === undefined ? "" : " failed"}`}>
        <span class="number">{row.number ?? ""}</span>
        <span class="sign">{row.sign}</span>
        <span class="text">
          {row.tokens.map(({ kind: name, text }, index) =>
            name === null ? (
              text
            ) : (
              <span key={index} class={name}>
                {text}
              </span>
            ),
          )}
          {"\n"}
        </span>
      </span>
      {mark === undefined ? null : (
        <span class="line-mark">
          <span class="number" />
          <span class="sign" />
          <span class="text">
            {mark.column === undefined ? "" : " ".repeat(Math.max(0, mark.column - 1))}
            {mark.column === undefined ? "" : "▲ "}
            {mark.text}
            {"\n"}
          </span>
        </span>
      )}
    </>
  );
}

type Language = "javascript" | "json" | "text";

function plainRows(code: string, language: Language): readonly Row[] {
  return highlight(code, language).map((tokens, index) => ({ number: index + 1, sign: " ", tokens }));
}

function diffRows(before: string, after: string, language: Language): readonly Row[] {
  const [old, fresh] = [highlight(before, language), highlight(after, language)];
  const rows: Row[] = [];
  let [from, to] = [0, 0];
  // Ends with a line break, so that a last line counts as the same whether or not it has one.
  for (const part of diffLines(`${before}\n`, `${after}\n`)) {
    for (let line = 0; line < part.count; line += 1) {
      if (part.removed) rows.push({ number: from + 1, sign: "−", tokens: old[from] ?? [] });
      else rows.push({ number: to + 1, sign: part.added ? "+" : " ", tokens: fresh[to] ?? [] });
      if (!part.added) from += 1;
      if (!part.removed) to += 1;
    }
  }
  return rows;
}
