import type { Msg } from "nats";
import { describe, expect, it } from "vitest";
import { apiErrorOf, isPassing } from "#src/fabric/nats/failure";
import { readAck } from "#src/fabric/nats/pub-ack";
import { newMeshName, openLink, serverForTests } from "./mesh-server.ts";

const server = serverForTests();

/** What reading an answer throws. */
function thrownBy(answer: string): unknown {
  try {
    readAck({ string: () => answer } as Msg);
  } catch (thrown) {
    return thrown;
  }
  throw new Error(`"${answer}" was taken for an acknowledgement`);
}

describe("what JetStream answers to a message", () => {
  it("says where the message is, and whether it was known", async () => {
    const link = await openLink(server.get());
    const name = newMeshName();
    await link.jsm.streams.add({ name, subjects: [`${name}.>`] });
    const write = { attempt: "store it", id: "1" };
    expect(await link.publish(`${name}.a`, "1", write)).toEqual({ stream: name, seq: 1, duplicate: false });
    expect(await link.publish(`${name}.a`, "1", write)).toEqual({ stream: name, seq: 1, duplicate: true });
    await link.close();
  });

  it("asks again where a newer server says that another write is on its way, and takes what it says then", async () => {
    const link = await openLink(server.get());
    const subject = newMeshName();
    const answers = [
      ...[10164, 10158, 10163].map((err_code) => ({
        error: { code: 400, err_code, description: "not yet" },
      })),
      { stream: "s", seq: 7 },
      { error: { code: 400, err_code: 10164, description: "wrong last sequence" } },
      { error: { code: 400, err_code: 10071, description: "wrong last sequence: 7" } },
    ];
    link.connection.subscribe(subject, {
      callback: (_, message) => void message.respond(JSON.stringify(answers.shift())),
    });
    expect(await link.publish(subject, "1", { attempt: "store it" })).toMatchObject({ seq: 7 });
    const refused = link.publish(subject, "2", { attempt: "store it" });
    await expect(refused).rejects.toMatchObject({ api_error: { err_code: 10071 } });
    expect(answers).toEqual([]);
    await link.close();
  });

  it("says which condition was not met, with JetStream's own number", async () => {
    const link = await openLink(server.get());
    const name = newMeshName();
    await link.jsm.streams.add({ name, subjects: [`${name}.>`] });
    await link.publish(`${name}.a`, "1", { attempt: "store it", id: "first", lastSubjectSequence: 0 });
    const refused = async (condition: object): Promise<number | undefined> =>
      apiErrorOf(
        await link.publish(`${name}.a`, "2", { attempt: "store it", ...condition }).catch((e: unknown) => e),
      );
    expect(await refused({ lastSubjectSequence: 0 })).toBe(10071);
    expect(await refused({ lastMessageId: "other" })).toBe(10070);
    const met = { attempt: "store it", lastSubjectSequence: 1, lastMessageId: "first" };
    expect(await link.publish(`${name}.a`, "2", met)).toMatchObject({ seq: 2 });
    await link.close();
  });

  it("is an error with JetStream's own number where it refuses", () => {
    const error = { code: 503, err_code: 10008, description: "JetStream system temporarily unavailable" };
    const thrown = thrownBy(JSON.stringify({ type: "x", error }));
    expect(thrown).toMatchObject({ code: "503", message: "jetstream system temporarily unavailable" });
    expect([apiErrorOf(thrown), isPassing(thrown)]).toEqual([10008, true]);
  });

  it.each([
    ["nonsense", "BAD_JSON"],
    ["", "BAD_JSON"],
    ["null", "JESTREAM_INVALID_ACK"],
    ["{}", "JESTREAM_INVALID_ACK"],
    ['{"stream":"","seq":1}', "JESTREAM_INVALID_ACK"],
    ['{"stream":"a"}', "JESTREAM_INVALID_ACK"],
  ])("counts as stored only where it names a stream and a sequence: %j does not", (answer, code) => {
    const thrown = thrownBy(answer);
    expect(thrown).toMatchObject({ code });
    expect(isPassing(thrown)).toBe(false);
  });

  it("fails the write where somebody else answers", async () => {
    const link = await openLink(server.get());
    const name = newMeshName();
    link.connection.subscribe(name, { callback: (_, message) => void message.respond("thank you") });
    await expect(link.publish(name, "1", { attempt: "store it" })).rejects.toMatchObject({
      code: "BAD_JSON",
    });
    await link.close();
  });
});
