// An index of what a mesh keeps, tasks or workflows, so that a list of many is read once and not at each look.
// Invariant: what has ended never changes and is read once; what has not is read again, the longest unread first.
// It holds rows alone, and forgets all when it is closed.

/** What an index is made of. */
export interface RowSource<Row> {
  /** All ids that there are. */
  readonly ids: () => Promise<readonly string[]>;
  /** The row of an id; null where there is none. */
  readonly load: (id: string) => Promise<Row | null>;
  readonly isEnded: (row: Row) => boolean;
  /** When it began: lists show the newest first. */
  readonly beganAt: (row: Row) => number;
  /** What is searched, in lower case. */
  readonly textOf: (row: Row) => string;
  /** Told of a row that is new or was read anew and is another, once the first look is over. */
  readonly changed: (row: Row, before: Row | null) => void;
  /** A row as it was read, with what was heard of it since that may not be stored yet. */
  readonly join?: (read: Row, heard: Row) => Row;
}

/** Which rows are wanted. */
export interface RowQuery<Row> {
  readonly query?: string | undefined;
  readonly fits?: ((row: Row) => boolean) | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
}

/** A page of rows. */
export interface RowPage<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
  readonly isWhole: boolean;
  readonly cursor: string | null;
}

interface Entry<Row> {
  readonly id: string;
  row: Row;
  text: string;
  readAt: number;
  /** When something was heard of it. */
  heardAt: number;
}

/** Rows that are read at once, over a network. */
const AT_ONCE = 16;
/** Rows that have not ended are read again after this, in milliseconds, so many at a refresh. */
const STALE_MS = 4_000;
const STALE_AT_ONCE = 200;
/** What was heard is stored after this, in milliseconds. */
const STORED_MS = 3_000;
/** Between two rounds of reading, others have their turn. */
const ROUND = 64;

/** Keeps rows. */
export class RowIndex<Row> {
  readonly #source: RowSource<Row>;
  readonly #entries = new Map<string, Entry<Row>>();
  readonly #loading = new Map<string, Promise<Row | null>>();
  #sorted: Entry<Row>[] | null = null;
  #isWhole = false;
  #refreshing: Promise<void> | null = null;
  #isClosed = false;

  constructor(source: RowSource<Row>) {
    this.#source = source;
  }

  /** Whether the first look is over. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Looks at what is new, and again at what has not ended. Called again meanwhile, it is the same look. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** The row of an id, as it is known. */
  known(id: string): Row | null {
    return this.#entries.get(id)?.row ?? null;
  }

  /** All rows that are known, in no order. */
  *rows(): Iterable<Row> {
    for (const { row } of this.#entries.values()) yield row;
  }

  /** Reads a row now. */
  async read(id: string): Promise<Row | null> {
    const under = this.#loading.get(id);
    if (under !== undefined) return under;
    const loading = this.#source.load(id).finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    const row = await loading;
    if (this.#isClosed) return row;
    if (row === null) this.#drop(id);
    else this.#set(id, row);
    return row;
  }

  /** What is heard of a row goes before what was read of it. */
  change(id: string, change: (row: Row) => Row): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.row = change(entry.row);
    entry.heardAt = Date.now();
  }

  /** A page of what is known; its rows that have not ended are read anew. */
  async page({ query = "", fits = () => true, limit, cursor }: RowQuery<Row>): Promise<RowPage<Row>> {
    const wanted = query.trim().toLowerCase();
    const from = cursor === undefined ? null : readCursor(cursor);
    const found = this.#inOrder().filter(({ row, text }) => text.includes(wanted) && fits(row));
    const rest = from === null ? found : found.filter((entry) => this.#isAfter(entry, from));
    const page = rest.slice(0, limit);
    const now = Date.now();
    const stale = page.filter(({ row, readAt }) => !this.#source.isEnded(row) && now - readAt > 1_000);
    await this.#readAll(stale.map(({ id }) => id));
    const last = page.at(-1);
    return {
      rows: page.map(({ id, row }) => this.#entries.get(id)?.row ?? row),
      total: found.length,
      isWhole: this.#isWhole,
      cursor: last === undefined || rest.length <= limit ? null : this.#cursorOf(last),
    };
  }

  /** Forgets all. */
  close(): void {
    this.#isClosed = true;
    this.#entries.clear();
    this.#sorted = null;
  }

  async #refresh(): Promise<void> {
    const ids = await this.#source.ids();
    const there = new Set(ids);
    for (const id of this.#entries.keys()) if (!there.has(id)) this.#drop(id);
    await this.#readAll(ids.filter((id) => !this.#entries.has(id)));
    const now = Date.now();
    const stale = [...this.#entries.values()]
      .filter(({ row, readAt }) => !this.#source.isEnded(row) && now - readAt > STALE_MS)
      .sort((a, b) => a.readAt - b.readAt)
      .slice(0, STALE_AT_ONCE);
    await this.#readAll(stale.map(({ id }) => id));
    this.#isWhole = true;
  }

  async #readAll(ids: readonly string[]): Promise<void> {
    let next = 0;
    const work = async () => {
      while (next < ids.length && !this.#isClosed) {
        const at = next++;
        // One that cannot be read is no reason not to show the others.
        await this.read(ids[at] ?? "").catch(() => null);
        if (at % ROUND === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, ids.length) }, work));
  }

  #set(id: string, row: Row): void {
    const known = this.#entries.get(id);
    const before = known?.row ?? null;
    if (known === undefined) {
      const text = this.#source.textOf(row);
      this.#entries.set(id, { id, row, text, readAt: Date.now(), heardAt: 0 });
      this.#sorted = null;
    } else {
      const { join, isEnded } = this.#source;
      const isHeard = !isEnded(row) && Date.now() - known.heardAt < STORED_MS;
      known.row = isHeard && join !== undefined ? join(row, known.row) : row;
      known.readAt = Date.now();
    }
    if (this.#isWhole) this.#source.changed(row, before);
  }

  #drop(id: string): void {
    if (this.#entries.delete(id)) this.#sorted = null;
  }

  #inOrder(): readonly Entry<Row>[] {
    const { beganAt } = this.#source;
    this.#sorted ??= [...this.#entries.values()].sort((a, b) => {
      return beganAt(b.row) - beganAt(a.row) || (a.id < b.id ? -1 : 1);
    });
    return this.#sorted;
  }

  #cursorOf({ id, row }: Entry<Row>): string {
    return `${this.#source.beganAt(row)}.${id}`;
  }

  #isAfter({ id, row }: Entry<Row>, from: { readonly at: number; readonly id: string }): boolean {
    const at = this.#source.beganAt(row);
    return at < from.at || (at === from.at && id > from.id);
  }
}

function readCursor(cursor: string): { readonly at: number; readonly id: string } | null {
  const [, at, id] = /^(\d+)\.(.+)$/.exec(cursor) ?? [];
  return at === undefined || id === undefined ? null : { at: Number(at), id };
}
