// Numbers as they are compared, however they are written: 1e3, 1000, 0x3e8, 1_000, "1,000" and -1000 are one.
// Invariant: the sign does not count (code may subtract what was added), and neither does the kind: a BigInt of a
// value is found where a number of it stands.

/** The forms in which a number may be met; none where it is no number. */
export function numberForms(value: number | bigint): readonly string[] {
  if (typeof value === "number") return Number.isFinite(value) ? [String(Math.abs(value))] : [];
  const exact = String(value < 0n ? -value : value);
  const near = String(Math.abs(Number(value)));
  return exact === near ? [exact] : [exact, near];
}

const CHUNK = /\d[\d.,'’_]*(?:e[+-]?\d+)?/gi;
const SPACED = /(?<!\d)\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)/g;

/** The forms of all numbers that a text holds: `1,000.5`, `1.000,5`, `1 000`, `3.14`, the parts of a date. */
export function numbersIn(text: string): readonly string[] {
  if (!/\d/.test(text)) return [];
  const forms: string[] = [];
  for (const [chunk] of text.matchAll(CHUNK)) forms.push(...readChunk(chunk.replace(/[.,'’_]+$/, "")));
  for (const [chunk] of text.matchAll(SPACED)) forms.push(...readPlain(chunk.replace(/\D/g, "")));
  return forms;
}

function readChunk(chunk: string): readonly string[] {
  const joined = chunk.replace(/['’_]/g, "");
  if (/^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(joined)) return readPlain(joined.replaceAll(",", ""));
  if (/^\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?$/.test(joined) || /^\d{1,3}(?:\.\d{3})+,\d+$/.test(joined)) {
    return readPlain(joined.replaceAll(".", "").replace(",", "."));
  }
  // One point and three digits: a thousand to some, a fraction to others.
  if (/^\d{1,3}\.\d{3}$/.test(joined)) return [...readPlain(joined), ...readPlain(joined.replace(".", ""))];
  const decimal = /^\d+,\d+$/.test(joined) ? readPlain(joined.replace(",", ".")) : readPlain(joined);
  const isPlain = decimal.length > 0 && !joined.includes(",");
  return isPlain ? decimal : [...decimal, ...(joined.match(/\d+/g) ?? []).flatMap(readPlain)];
}

function readPlain(text: string): readonly string[] {
  if (/^\d+$/.test(text)) {
    // Beyond what doubles hold and beyond what is any use to compare.
    return text.length > 400 ? [] : numberForms(text.length > 15 ? BigInt(text) : Number(text));
  }
  return /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) ? numberForms(Number(text)) : [];
}
