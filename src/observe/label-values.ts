// Keeps the values of a label few: each new combination of values is a series that Prometheus keeps for good, and what
// models, guests and clients say of themselves has no bound.
// Invariant: of one label at most `most` values are ever given, all others as "other".

const MOST = 100;
const LONGEST = 100;
const OTHER = "other";

/** The values that labels have had. */
export class LabelValues {
  readonly #known = new Map<string, Set<string>>();
  readonly #most: number;

  constructor(most: number = MOST) {
    this.#most = most;
  }

  /** The value that a label is given for one that was met. */
  of(label: string, value: string): string {
    const text = value.slice(0, LONGEST);
    const known = this.#known.get(label) ?? new Set<string>();
    if (known.has(text)) return text;
    if (known.size >= this.#most) return OTHER;
    this.#known.set(label, known.add(text));
    return text;
  }
}
