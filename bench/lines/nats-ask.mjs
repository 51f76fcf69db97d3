// A question to an actor on another node and its answer, beside a request of the raw client to a subscriber that reads and
// writes the same JSON.
import { BODY, TEXT } from "../network/contenders.mjs";
import { interleave, latency, timed } from "../samples.mjs";

export const natsAsk = {
  id: "nats-ask",
  title: "Ask an actor on another node",
  unit: "ms",
  better: "less",
  headline: "p50",
  aims: [{ column: "overRaw", below: 1.3 }],
  async measure({ contenders: [{ near, raw }], counts }) {
    const [asker, answerer] = raw;
    const subscription = answerer.subscribe("bench.ask", {
      callback: (_, message) => message.respond(JSON.stringify(JSON.parse(message.string()))),
    });
    await answerer.flush();
    const rows = [
      { name: "Fettle, mesh.ask", run: () => near.node.ask("echo", BODY) },
      {
        name: "raw client, request",
        run: async () => JSON.parse((await asker.request("bench.ask", TEXT, { timeout: 10_000 })).string()),
      },
    ];
    const taken = await interleave(rows, {
      rounds: counts.rounds,
      warmUp: counts.warmUp,
      burst: () => counts.burst,
      sample: ({ run }) => timed(run),
    });
    subscription.unsubscribe();
    const [own, other] = [...taken].map(([{ name }, samples]) => ({ name, ...latency(samples) }));
    return [
      { ...own, overRaw: own.p50 / other.p50 },
      { ...other, overRaw: null },
    ];
  },
};
