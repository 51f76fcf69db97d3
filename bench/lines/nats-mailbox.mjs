// Messages to an actor on another node, each acknowledged by its mailbox and handled there, beside publish and subscribe of
// the raw client, which acknowledges nothing.
import { BODY } from "../network/contenders.mjs";
import { rates, sending } from "../network/rates.mjs";

/** So many are sent before what was sent is waited for. */
const BATCH = 500;

export const natsMailbox = {
  id: "nats-mailbox",
  title: "Messages into a mailbox on another node",
  unit: "messages/s",
  better: "more",
  headline: "perSecond",
  aims: [{ column: "overRaw", above: 0.7 }],
  async measure({ contenders: [{ near, raw, counter }], counts }) {
    const [sender, receiver] = raw;
    const subscription = receiver.subscribe("bench.send", {
      callback: (_, message) => {
        JSON.parse(message.string());
        counter.count();
      },
    });
    await receiver.flush();
    const rows = await rates(
      [
        sending("Fettle, mesh.send", "each message taken in by the mailbox, or its sender told why not", () =>
          near.node.send("echo", BODY),
        ),
        {
          name: "raw client, publish",
          apart: "at most once, nothing acknowledged",
          send: async (count) => {
            for (let left = count; left > 0; left -= 1) sender.publish("bench.send", JSON.stringify(BODY));
            await sender.flush();
          },
        },
      ],
      { counter, batch: BATCH, messages: counts.messages, rounds: counts.windows },
    );
    subscription.unsubscribe();
    return rows;
  },
};
