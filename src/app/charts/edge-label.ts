// What stands on an arrow: a line for each of its transitions, event first, then the guard.
// Invariant: a label is as large as its lines need.
import type { ChartTransition } from "./graph.ts";
import { FONTS, placeText, type PlacedText } from "./placed-text.ts";
import { fitText } from "./text-size.ts";

/** The line of one transition. */
export interface LabelLine {
  /** The id of the transition. */
  readonly transition: string;
  readonly texts: readonly PlacedText[];
}

/** A label: its size, and its lines, placed from its own corner. */
export interface EdgeLabel {
  readonly width: number;
  readonly height: number;
  readonly lines: readonly LabelLine[];
}

const PADDING = { x: 7, y: 4 };
const LINE = 14;
const GAP = 4;
const MOST = 200;

/** The label of an arrow; null where there is nothing to say. */
export function labelOf(transitions: readonly ChartTransition[]): EdgeLabel | null {
  const lines: LabelLine[] = [];
  for (const { id, label, guard, isOtherwise } of transitions) {
    const condition = guard === null ? (isOtherwise ? "else" : "") : guard;
    const y = PADDING.y + LINE * lines.length + 11;
    const texts: PlacedText[] = [];
    let { x } = PADDING;
    if (label !== "") {
      const event = placeText("event", fitText(label, FONTS.event, MOST), { x, y });
      texts.push(event);
      x += event.width + GAP;
    }
    if (condition !== "") {
      texts.push(placeText("guard", `[${fitText(condition, FONTS.guard, MOST)}]`, { x, y }));
    }
    if (texts.length > 0) lines.push({ transition: id, texts });
  }
  if (lines.length === 0) return null;
  const ends = lines.flatMap(({ texts }) => texts.map(({ x, width }) => x + width));
  return {
    width: Math.ceil(Math.max(...ends) + PADDING.x),
    height: LINE * lines.length + 2 * PADDING.y,
    lines,
  };
}
