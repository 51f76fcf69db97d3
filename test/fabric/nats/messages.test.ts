import { connect } from "nats";
import { expect, it } from "vitest";
import { NatsMessages } from "#src/fabric/nats/messages";
import { openLink, serverForTests } from "./mesh-server.ts";

const server = serverForTests();

it.each(["$JS.API.STREAM.PURGE.KEPT", "fettle.default.actor.clerk.1", "agents.prompt.x"])(
  "a message whose answer would go to %s is dropped, and the next one is answered",
  async (reply) => {
    const link = await openLink(server.get());
    const messages = new NatsMessages(link, () => undefined);
    const heard: string[] = [];
    messages.subscribe("fettle.test.echo", (message) => {
      heard.push(message.payload);
      message.reply(message.payload);
    });
    await link.connection.flush();
    const client = await connect({ servers: server.get().url });
    const manager = await client.jetstreamManager();
    await manager.streams.add({ name: "KEPT", subjects: ["kept"] });
    await client.jetstream().publish("kept", "precious");
    client.publish("fettle.test.echo", "{}", { reply });
    expect((await client.request("fettle.test.echo", "hello")).string()).toBe("hello");
    expect(heard).toEqual(["hello"]);
    expect((await manager.streams.info("KEPT")).state.messages).toBe(1);
    await manager.streams.delete("KEPT");
    await client.close();
    await link.close();
  },
);
