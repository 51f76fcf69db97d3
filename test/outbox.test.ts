import { describe, expect, it } from "vitest";
import { bodyOf, envelopeOf, openBatch, sealError, sealOutcomes } from "#src/core/envelope";
import { DeliveryError } from "#src/core/errors";
import { Outbox } from "#src/outbox";

const envelope = (body: unknown) => envelopeOf({ id: "m", type: "send" as const, from: null, body });

/** An outbox whose letters are collected, each answered as told. */
function outbox(answer: (bodies: readonly unknown[]) => string | Error) {
  const letters: { readonly to: string; readonly bodies: readonly unknown[] }[] = [];
  const box = new Outbox(async (to, payload) => {
    const bodies = openBatch(payload).map(bodyOf);
    letters.push({ to, bodies });
    const text = answer(bodies);
    if (text instanceof Error) throw text;
    return text;
  });
  return { box, letters };
}

const allTaken = (bodies: readonly unknown[]) => sealOutcomes(bodies.map(() => null));

describe("the outbox", () => {
  it("sends what is put in during one turn as one letter for each actor, in order", async () => {
    const { box, letters } = outbox(allTaken);
    await Promise.all([
      box.put("a.1", envelope(1)),
      box.put("b.1", envelope(2)),
      box.put("a.1", envelope(3)),
    ]);
    await box.put("a.1", envelope(4));
    expect(letters).toEqual([
      { to: "a.1", bodies: [1, 3] },
      { to: "b.1", bodies: [2] },
      { to: "a.1", bodies: [4] },
    ]);
  });

  it("sends at once what waits for an actor that is asked next", () => {
    const { box, letters } = outbox(allTaken);
    void box.put("a.1", envelope("before"));
    void box.put("b.1", envelope("other"));
    box.flush("a.1");
    expect(letters.map(({ to }) => to)).toEqual(["a.1"]);
  });

  it("makes more letters of many or large messages, and puts none in two", async () => {
    const { box, letters } = outbox(allTaken);
    const many = Array.from({ length: 600 }, (_, index) => index);
    const large = ["x".repeat(200_000), "y".repeat(200_000)];
    await Promise.all([...many, ...large].map((body) => box.put("a.1", envelope(body))));
    expect(letters.flatMap(({ bodies }) => bodies)).toEqual([...many, ...large]);
    expect(letters.map(({ bodies }) => bodies.length)).toEqual([256, 256, 89, 1]);
  });

  it("tells each sender what became of its own message", async () => {
    const full = new DeliveryError("MAILBOX_FULL", "no room", { retryable: true });
    const { box } = outbox((bodies) => sealOutcomes(bodies.map((body) => (body === "second" ? full : null))));
    const sent = await Promise.allSettled(
      ["first", "second", "third"].map((body) => box.put("a.1", envelope(body))),
    );
    expect(sent.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(sent[1]).toMatchObject({ reason: { code: "MAILBOX_FULL", retryable: true, message: "no room" } });
  });

  it.each([
    ["the actor cannot be reached", new DeliveryError("ASK_TIMEOUT", "late"), "ASK_TIMEOUT"],
    [
      "the whole letter is refused",
      sealError(new DeliveryError("MESSAGE_INVALID", "unreadable")),
      "MESSAGE_INVALID",
    ],
    ["the answer tells of fewer messages", sealOutcomes([null]), "MESSAGE_INVALID"],
    ["the answer is none", '{"v":1,"ok":true,"body":"null"}', "MESSAGE_INVALID"],
  ])("tells all senders of a letter where %s", async (_, answer, code) => {
    const { box } = outbox(() => answer);
    const sent = await Promise.allSettled([box.put("a.1", envelope(1)), box.put("a.1", envelope(2))]);
    for (const one of sent) expect(one).toMatchObject({ status: "rejected", reason: { code } });
  });
});
