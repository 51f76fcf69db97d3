// Code with its line numbers, the place that failed, and the difference between two tries; and values, without numbers.
// Invariant: every character of it is a text node; long lines are wrapped, so that nothing of it is out of sight.
import { diffLines } from "diff";
import { useMemo, useState } from "preact/hooks";
import { highlight, type Token } from "../highlight.ts";

/** Where code failed: a line, and a column where it is known, both from 1. */
export interface Place {
  readonly line: number;
  readonly column?: number | undefined;
}

interface Row {
  readonly number: number;
  readonly sign: "+" | "−" | " ";
  readonly tokens: readonly Token[];
}

type Language = "javascript" | "json" | "text";

/** More lines than these are folded until somebody wants them. */
const FOLDED_FROM = 60;

/** Shows code; with `previous`, what has changed since. */
export function CodeView(props: {
  readonly code: string;
  readonly language: Language;
  readonly label: string;
  readonly previous?: string | null;
}) {
  const { code, language, label, previous = null } = props;
  const [asDiff, setAsDiff] = useState(previous !== null);
  const [isWhole, setWhole] = useState(false);
  const rows = useMemo(
    () => (asDiff && previous !== null ? diffRows(previous, code, language) : plainRows(code, language)),
    [code, previous, asDiff, language],
  );
  const shown = isWhole || rows.length <= FOLDED_FROM + 10 ? rows : rows.slice(0, FOLDED_FROM);
  const kind = asDiff ? "diff" : language === "javascript" ? "numbered" : "";
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
      <pre class={kind}>
        {shown.map((row, index) => (
          <Line key={index} row={row} />
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

/** The lines around the place that failed. */
export function CodeExcerpt({ code, place }: { readonly code: string; readonly place: Place }) {
  const { line, column } = place;
  const rows = useMemo(
    () => plainRows(code, "javascript").slice(Math.max(0, line - 3), line + 2),
    [code, line],
  );
  return (
    <figure class="code excerpt" aria-label={`The code around line ${line}`}>
      <pre class="numbered">
        {rows.map((row) =>
          row.number === line ? (
            <Line key={row.number} row={{ ...row, tokens: marked(row.tokens, column) }} hasFailed />
          ) : (
            <Line key={row.number} row={row} />
          ),
        )}
      </pre>
    </figure>
  );
}

function Line({ row, hasFailed = false }: { readonly row: Row; readonly hasFailed?: boolean }) {
  const { number, sign, tokens } = row;
  const kind = sign === "+" ? " added" : sign === "−" ? " removed" : hasFailed ? " failed" : "";
  return (
    <span class={`line${kind}`}>
      <span class="number">{number}</span>
      <span class="sign">{sign}</span>
      <span class="text">
        {tokens.map(({ kind: name, text }, index) =>
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
  );
}

/** The tokens of a line, cut so that those of the word at a column are marked. */
function marked(tokens: readonly Token[], column: number | undefined): readonly Token[] {
  if (column === undefined) return tokens;
  const line = tokens.map(({ text }) => text).join("");
  const from = column - 1;
  const to = from + (/^[^\w$]?[\w$]*/u.exec(line.slice(from))?.[0].length ?? 0);
  let start = 0;
  return tokens.flatMap(({ kind, text }) => {
    const [head, tail] = [from - start, to - start].map((at) => Math.min(text.length, Math.max(0, at)));
    start += text.length;
    return [
      { kind, text: text.slice(0, head) },
      { kind: `${kind ?? ""} culprit`, text: text.slice(head, tail) },
      { kind, text: text.slice(tail) },
    ].filter((part) => part.text !== "");
  });
}

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
