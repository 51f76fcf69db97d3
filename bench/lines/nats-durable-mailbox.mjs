// Messages into a durable mailbox, handled by an actor on another node, beside the raw client's publish to a work-queue
// stream of JetStream and its consumer, with an acknowledgement of each.
import { BODY, TEXT } from "../network/contenders.mjs";
import { rates, sending } from "../network/rates.mjs";

const BATCH = 500;
const STREAM = "BENCH";

export const natsDurableMailbox = {
  id: "nats-durable-mailbox",
  title: "Messages into a durable mailbox",
  unit: "messages/s",
  better: "more",
  headline: "perSecond",
  aims: [{ column: "overRaw", above: 0.7 }],
  async measure({ contenders: [{ near, raw, counter }], counts }) {
    const [sender, receiver] = raw;
    const manager = await receiver.jetstreamManager();
    await manager.streams.add({ name: STREAM, subjects: ["bench.keep"], retention: "workqueue" });
    await manager.consumers.add(STREAM, { durable_name: "all", ack_policy: "explicit", max_ack_pending: -1 });
    const consumer = await receiver.jetstream().consumers.get(STREAM, "all");
    const consumed = await consumer.consume({
      max_messages: BATCH,
      callback: (message) => {
        message.json();
        message.ack();
        counter.count();
      },
    });
    const stream = sender.jetstream();
    let id = 0;
    const rows = await rates(
      [
        sending(
          "Fettle, mesh.send to a durable mailbox",
          "stored once by its id, done when its handler returned",
          () => near.node.send("keeper", BODY),
        ),
        sending(
          "raw client, JetStream publish and consume",
          "stored once by its id, acknowledged by its consumer",
          () => stream.publish("bench.keep", TEXT, { msgID: `${(id += 1)}` }),
        ),
      ],
      { counter, batch: BATCH, messages: counts.durableMessages, rounds: counts.windows },
    );
    await consumed.close();
    await manager.streams.delete(STREAM);
    return rows;
  },
};
