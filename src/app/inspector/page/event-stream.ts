// Reads server-sent events by fetch, since an EventSource can carry no token.
// Invariant: an event is given whole or not at all; a comment counts as a sign of life and nothing else.

/** One event as it was sent. */
export interface SentEvent {
  readonly id: string | null;
  readonly data: string;
  /** After how many milliseconds to come back, where the server said so. */
  readonly retryMs: number | null;
}

/** Gives the events of a body as they come; `onLife` is called whenever anything does. */
export async function* sentEvents(
  body: ReadableStream<Uint8Array>,
  onLife: () => void,
): AsyncGenerator<SentEvent, void, undefined> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onLife();
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parse(block);
      if (event !== null) yield event;
    }
  }
}

function parse(block: string): SentEvent | null {
  const fields = block.split(/\r?\n/).map((line) => {
    const at = line.indexOf(":");
    return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
  });
  const all = (name: string) => fields.filter(([one]) => one === name).map(([, text = ""]) => text);
  const data = all("data");
  const retry = Number(all("retry").at(-1) ?? Number.NaN);
  if (data.length === 0 && Number.isNaN(retry)) return null;
  return { id: all("id").at(-1) ?? null, data: data.join("\n"), retryMs: Number.isNaN(retry) ? null : retry };
}
