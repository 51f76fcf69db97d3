// Messages that the server counts as in hand though they are no more: one that was killed kept that they were removed
// from their stream, and forgot that they had been acknowledged. It tries to give them out for ever, and cannot.
// Invariant: only what the stream says is gone is acknowledged: nothing that could still be given to anybody.
import type { NatsLink } from "./link.ts";
import { WORD } from "./receipts.ts";

/** A list of more that are gone may be too long for one answer of the server: then its count stays as it is. */
const MOST_LISTED = 100_000;
/** So many are acknowledged, the newest: forgotten is what was told right before the server was killed. */
const MOST_TOLD = 10_000;

/** Acknowledges, for a stream's consumer, what is in nobody's hand any more, as it is not there. */
export async function acknowledgeGone(link: NatsLink, stream: string, consumer: string): Promise<void> {
  const { jsm, connection } = link;
  const attempt = `count what is in hand of "${consumer}"`;
  const { num_ack_pending, ack_floor, delivered } = await link.call(attempt, () =>
    jsm.consumers.info(stream, consumer),
  );
  if (num_ack_pending === 0) return;
  const { state } = await link.call(attempt, () => jsm.streams.info(stream));
  if (state.num_deleted > MOST_LISTED) return;
  const details = { deleted_details: true };
  const listed = await link.call(attempt, () => jsm.streams.info(stream, details));
  // The library's type says that it is there; where nothing is gone, it is not.
  const gone: { readonly deleted?: readonly number[] } = listed.state;
  const mayBeCounted = (sequence: number) =>
    sequence > ack_floor.stream_seq && sequence <= delivered.stream_seq;
  for (const sequence of (gone.deleted ?? []).filter(mayBeCounted).slice(-MOST_TOLD)) {
    // The place of its delivery is not known, and 0 is none: the server goes by the place in the stream.
    connection.publish(`$JS.ACK.${stream}.${consumer}.1.${sequence}.0.0.0`, WORD.ack);
  }
}
