// Reads server-sent events as a browser's EventSource does, as far as tests need it.

/** One event. */
export interface ReadEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A stream that is being read. */
export interface EventReader {
  /** The next event; undefined at the end. */
  next(): Promise<ReadEvent | undefined>;
  /** All until the end. */
  rest(): Promise<readonly ReadEvent[]>;
  /** The events until one of that kind, which is the last of them. */
  until(event: string): Promise<readonly ReadEvent[]>;
  /** Goes away. */
  leave(): Promise<void>;
  /** The comments that were read, such as heartbeats. */
  readonly comments: readonly string[];
}

/** Reads a stream's body. */
export function readEvents(response: Response): EventReader {
  if (response.body === null) throw new Error(`No stream: ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const comments: string[] = [];
  let rest = "";
  const next = async (): Promise<ReadEvent | undefined> => {
    for (;;) {
      const end = rest.indexOf("\n\n");
      if (end === -1) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        rest += value;
        continue;
      }
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      comments.push(...lines.filter((line) => line.startsWith(":")));
      const data = field("data");
      if (data === undefined) continue;
      const event = field("event") ?? "message";
      return { id: field("id") ?? null, event, data: JSON.parse(data) as ReadEvent["data"] };
    }
  };
  const collect = async (isLast: (event: ReadEvent) => boolean): Promise<readonly ReadEvent[]> => {
    const found: ReadEvent[] = [];
    for (let event = await next(); event !== undefined; event = await next()) {
      found.push(event);
      if (isLast(event)) break;
    }
    return found;
  };
  return {
    next,
    rest: () => collect(() => false),
    until: (name) => collect(({ event }) => event === name),
    leave: () => reader.cancel(),
    comments,
  };
}
