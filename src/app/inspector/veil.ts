// What leaves the inspector goes through here: secrets are masked, control characters written out, long texts cut.
// Invariant: no text is sent that has not been through it; a value under a name such as `apiKey` is never shown.
import { decode } from "../../core/codec.ts";
import { redact } from "../../core/secret.ts";
import { maskFields } from "../../observe/mask.ts";
import { toReadable } from "../../readable.ts";
import { printable } from "../output.ts";

/** The longest text that is sent, in characters. */
const LONGEST = 262_144;

/** Masks what is known of one program. */
export class Veil {
  readonly #secrets: readonly string[];

  /** `secrets` are values that must never be shown. */
  constructor(secrets: readonly string[] = []) {
    this.#secrets = secrets.filter((secret) => secret !== "");
  }

  /** A text as it may be shown. */
  text(text: string, longest: number = LONGEST): string {
    const margin = this.#margin;
    // Cut first, so that what is not sent costs nothing; and again, as what is masked may be shorter: the last characters
    // may be the begin of a secret.
    const isCut = text.length > longest + margin;
    const clean = redact(printable(isCut ? text.slice(0, longest + margin) : text), this.#secrets);
    if (!isCut && clean.length <= longest) return clean;
    const kept = clean.slice(0, isCut ? Math.min(longest, clean.length - margin) : longest);
    return `${kept}… (cut: ${text.length.toLocaleString("en")} characters in all)`;
  }

  /** The first line of a text, short. */
  line(text: string, longest = 300): string {
    const flat = this.text(text.slice(0, 4 * longest), 4 * longest)
      .replace(/\s+/g, " ")
      .trim();
    return flat.length > longest ? `${flat.slice(0, longest)}…` : flat;
  }

  /** A value as readable text: itself where it is a text, else JSON with line breaks. */
  value(value: unknown): string {
    if (typeof value === "string") return this.text(value);
    const { shown } = maskFields({ shown: toReadable(value) });
    return this.text(JSON.stringify(shown, null, 2) ?? "null");
  }

  /** A value from its text by the codec. */
  encoded(text: string): string {
    try {
      return this.value(decode(text));
    } catch {
      return this.text(text);
    }
  }

  /** Plain data with all its texts as they may be shown, names among them. */
  data<T>(value: T): T {
    return this.#data(value) as T;
  }

  /** What of a text that goes on may be shown now: what could be the begin of a secret is kept for later. */
  ready(text: string): { readonly shown: string; readonly kept: string } {
    // No secret has white space within; what is longer than any token is shown in pieces.
    const [word = ""] = /\S*$/.exec(text) ?? [];
    const kept = word.length > LONGEST_WORD ? "" : word;
    return { shown: this.text(text.slice(0, text.length - kept.length)), kept };
  }

  #data(value: unknown): unknown {
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((one) => this.#data(one));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [this.text(key), this.#data(one)]));
  }

  get #margin(): number {
    return Math.max(0, ...this.#secrets.map(({ length }) => length));
  }
}

/** Longer words are no tokens. */
const LONGEST_WORD = 2_000;
