// What stands in a state's box: its name, what it is for, what it does; as lines of text with their places.
// Invariant: a card is as large as its text needs and no text reaches beyond it.
import { captionOf, isIgnored, type ChartState, type ChartTransition } from "./graph.ts";
import { FONTS, placeText, type PlacedText } from "./placed-text.ts";
import { fitText, wrapText } from "./text-size.ts";

/** A card: its size, and its texts, placed from its own corner. */
export interface Card {
  readonly width: number;
  readonly height: number;
  readonly texts: readonly PlacedText[];
  /** Where the line between the name and what the state does is drawn; null where it does nothing. */
  readonly rule: number | null;
}

const PADDING = { x: 12, top: 9, bottom: 10 };
const LINE = { title: 16, description: 14, name: 15 };
const RULE_SPACE = 11;
const MIN_WIDTH = 64;
const KEYWORD_GAP = 4;
const DESCRIPTION_LINES = 4;
const NAME_LINES = 3;

/** Makes the card of a state; `inner` are its transitions that stay where they are. */
export function cardOf(
  state: ChartState,
  inner: readonly ChartTransition[],
  { textWidth: most }: { readonly textWidth: number },
): Card {
  const title = fitText(state.key, FONTS.title, most);
  let y = PADDING.top + LINE.title - 4;
  const texts: PlacedText[] = [placeText("title", title, { x: PADDING.x, y })];
  for (const line of wrapText(state.description ?? "", FONTS.description, {
    width: most,
    lines: DESCRIPTION_LINES,
  })) {
    y += LINE.description;
    texts.push(placeText("description", line, { x: PADDING.x, y }));
  }
  const deeds = deedsOf(state, inner);
  const rule = deeds.length === 0 ? null : y + RULE_SPACE - 3;
  if (rule !== null) y += RULE_SPACE;
  for (const { keyword, name } of deeds) {
    const first = placeText("keyword", fitText(keyword, FONTS.keyword, most / 2), {
      x: PADDING.x,
      y: y + LINE.name,
    });
    const x = first.x + first.width + KEYWORD_GAP;
    texts.push(first);
    for (const line of wrapText(name, FONTS.name, { width: most + PADDING.x - x, lines: NAME_LINES })) {
      y += LINE.name;
      texts.push(placeText("name", line, { x, y }));
    }
  }
  const width = Math.max(MIN_WIDTH, ...texts.map((text) => text.x + text.width + PADDING.x));
  return { width: Math.ceil(width), height: y + PADDING.bottom, texts, rule };
}

interface Deed {
  readonly keyword: string;
  readonly name: string;
}

/** In the notation of UML: `entry / hold`, `do / draft`, `cancel / cancelSteps`. */
function deedsOf(state: ChartState, inner: readonly ChartTransition[]): readonly Deed[] {
  const ignored = inner.filter(isIgnored).map(captionOf);
  return [
    ...state.entry.map((name) => ({ keyword: "entry /", name })),
    ...state.invokes.map(({ source }) => ({ keyword: "do /", name: source })),
    ...state.exit.map((name) => ({ keyword: "exit /", name })),
    ...inner
      .filter((one) => !isIgnored(one))
      .map((one) => ({ keyword: `${captionOf(one)} /`, name: one.actions.join(", ") })),
    ...(ignored.length === 0 ? [] : [{ keyword: "ignores", name: ignored.join(", ") }]),
    ...state.facts.map(({ name, text }) => ({ keyword: name, name: text })),
  ];
}
