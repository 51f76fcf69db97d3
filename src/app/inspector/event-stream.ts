// A reader's stream of events: server-sent events, as fast as it takes them.
// Invariant: nothing is made before the reader takes what was before it; a stream that has nothing to tell says every few
// seconds that it is alive, and one whose reader takes nothing any more is ended.
import type { Hub, HubReader } from "./hub.ts";
import type { InspectorEvent } from "./shapes.ts";

/** What an event stream is made with. */
export interface EventStreamOptions {
  readonly hub: Hub;
  readonly reader: HubReader;
  /** The mesh at a glance, for readers that begin or were left behind. */
  readonly latest: () => InspectorEvent | null;
  /** Whether it begins with that. */
  readonly isNew: boolean;
  readonly heartbeatMs: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Told once, when it has ended. */
  readonly ended: () => void;
}

/** After so many milliseconds a reader whose connection broke comes again. */
const RETRY_MS = 1_000;
/** Heartbeats that a reader may let pass without taking anything. */
const MAX_MISSED = 8;

/** Makes a stream. */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const { hub, reader, latest, isNew, heartbeatMs, signal, ended } = options;
  const encoder = new TextEncoder();
  let greeting: string | null = `retry: ${RETRY_MS}\n\n`;
  const snapshot = latest();
  if (isNew && snapshot !== null) greeting += hub.aside(snapshot, hub.end);
  let missed = 0;
  let watch: ReturnType<typeof setInterval> | undefined;
  const end = () => {
    clearInterval(watch);
    ended();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        watch = setInterval(() => {
          missed += 1;
          if (missed <= MAX_MISSED) return;
          end();
          controller.error(new Error("The reader takes nothing any more."));
        }, heartbeatMs);
      },
      pull: async (controller) => {
        missed = 0;
        for (;;) {
          if (signal.aborted) {
            end();
            controller.close();
            return;
          }
          const text = (greeting ?? "") + reader.take(latest);
          greeting = null;
          if (text !== "") {
            controller.enqueue(encoder.encode(text));
            return;
          }
          if (reader.isAtEnd && (await somethingToTell(hub, { heartbeatMs, signal })) === "nothing") {
            controller.enqueue(encoder.encode(": alive\n\n"));
            return;
          }
        }
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}

function somethingToTell(
  hub: Hub,
  { heartbeatMs, signal }: { readonly heartbeatMs: number; readonly signal: AbortSignal },
): Promise<"something" | "nothing"> {
  return new Promise((resolve) => {
    const end = (what: "something" | "nothing") => {
      clearTimeout(timer);
      forget();
      signal.removeEventListener("abort", wake);
      resolve(what);
    };
    const wake = () => end("something");
    const timer = setTimeout(() => end("nothing"), heartbeatMs);
    const forget = hub.onMore(wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}
