// How wide text is, without a browser: the widths of Helvetica, which Arial and Liberation Sans share.
// Invariant: every drawn text also carries the width that was reckoned with, so that no other font overflows its box.

const NARROWEST = 32;
// Thousandths of the font's size, for the characters from space to tilde.
const REGULAR = widths(
  "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 " +
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 " +
    "944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 " +
    "333 500 278 556 500 722 500 500 500 334 260 334 584",
);
const BOLD = widths(
  "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 " +
    "584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 " +
    "944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 " +
    "389 556 333 611 556 778 556 556 500 389 280 389 584",
);
const OTHER = 600;
const WIDE = 1000;
const ELLIPSIS = "…";

/** A font's size in pixels, and whether it is bold. */
export interface Font {
  readonly size: number;
  readonly bold?: boolean;
}

/** The width of a line of text, in pixels. */
export function textWidth(text: string, { size, bold = false }: Font): number {
  const table = bold ? BOLD : REGULAR;
  let width = 0;
  for (const character of text) width += widthOf(character.codePointAt(0) ?? 0, table);
  return (width * size) / 1000;
}

/** The longest beginning of a text that is not wider than so many pixels, with an ellipsis where it was cut. */
export function fitText(text: string, font: Font, width: number): string {
  if (textWidth(text, font) <= width) return text;
  let room = width - textWidth(ELLIPSIS, font);
  let kept = "";
  for (const character of text) {
    room -= textWidth(character, font);
    if (room < 0) break;
    kept += character;
  }
  return kept.trimEnd() + ELLIPSIS;
}

/** A text in lines that are not wider than so many pixels; what is over after the last one is cut off. */
export function wrapText(
  text: string,
  font: Font,
  { width, lines: most }: { readonly width: number; readonly lines: number },
): readonly string[] {
  const lines: string[] = [];
  const words = text.split(/\s+/).filter((word) => word !== "");
  let line = "";
  for (const [index, word] of words.entries()) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line === "" || textWidth(longer, font) <= width) line = longer;
    else if (lines.length === most - 1) {
      line = [line, ...words.slice(index)].join(" ").slice(0, 1000);
      break;
    } else {
      lines.push(fitText(line, font, width));
      line = word;
    }
  }
  return line === "" ? lines : [...lines, fitText(line, font, width)];
}

function widths(list: string): readonly number[] {
  return list.split(" ").map(Number);
}

function widthOf(code: number, table: readonly number[]): number {
  // Ideographs, full-width forms and pictures take a whole square; combining marks are reckoned as letters.
  if (code >= 0x1100 && !(code >= 0x1e00 && code < 0x2e80)) return WIDE;
  return table[code - NARROWEST] ?? (code === 0x2026 ? WIDE : OTHER);
}
