// Messages a second from their senders to their handlers, contenders in turns.
import { interleave, percentile } from "../samples.mjs";

/** A contender that sends the messages of a batch at once, each by `one`. */
export const sending = (name, apart, one) => ({
  name,
  apart,
  send: (count) => Promise.all(Array.from({ length: count }, () => one())),
});

/** A row for each contender: its rate, and of the first one the part of the second's. */
export async function rates(contenders, { counter, batch, messages, rounds }) {
  const taken = await interleave(contenders, {
    rounds,
    warmUp: 1,
    burst: () => 1,
    sample: async ({ send }) => {
      const all = counter.expect(messages);
      const started = performance.now();
      for (let left = messages; left > 0; left -= batch) await send(Math.min(batch, left));
      await all;
      return (messages * 1000) / (performance.now() - started);
    },
  });
  const rows = [...taken].map(([{ name, apart }, samples]) => ({
    name,
    apart,
    perSecond: percentile(samples, 50),
    least: Math.min(...samples),
    windows: samples.length,
    overRaw: null,
  }));
  return rows.map((row, index) =>
    index === 0 ? { ...row, overRaw: row.perSecond / rows[1].perSecond } : row,
  );
}
