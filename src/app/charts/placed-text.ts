// Text at its place in a drawing, and the fonts of what there is to say.
// Invariant: the width that is told is the one that the layout reckoned with.
import { textWidth, type Font } from "./text-size.ts";

/** What a text is, which decides how it is drawn. */
export type TextRole = "title" | "description" | "keyword" | "name" | "event" | "guard";

/** A piece of text: where its baseline begins, in pixels, and how wide it is. */
export interface PlacedText {
  readonly role: TextRole;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** The fonts of the roles. */
export const FONTS: Readonly<Record<TextRole, Font>> = {
  title: { size: 13, bold: true },
  description: { size: 11 },
  keyword: { size: 11 },
  name: { size: 11 },
  event: { size: 11 },
  guard: { size: 11 },
};

/** Puts a text at a place. */
export function placeText(
  role: TextRole,
  text: string,
  { x, y }: { readonly x: number; readonly y: number },
): PlacedText {
  return { role, text, x, y, width: textWidth(text, FONTS[role]) };
}

/** The same texts at another place. */
export function moveTexts(
  texts: readonly PlacedText[],
  by: { readonly x: number; readonly y: number },
): PlacedText[] {
  return texts.map((text) => ({ ...text, x: text.x + by.x, y: text.y + by.y }));
}
