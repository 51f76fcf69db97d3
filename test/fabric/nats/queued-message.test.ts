import { headers as makeHeaders, type Msg } from "nats";
import { describe, expect, it } from "vitest";
import { messageIdOf, readMessage } from "#src/fabric/nats/queued-message";

const SUBJECT = "fettle.m.queue.tasks";

/** A message as the server gives it out: for the third time, the 7th of its stream. */
function given(headers: Readonly<Record<string, string>> | null, reply = "$JS.ACK.s.c.3.7.9.1700.0"): Msg {
  const all = makeHeaders();
  for (const [name, value] of Object.entries(headers ?? {})) all.append(name, value);
  return { headers: headers === null ? undefined : all, reply, data: new Uint8Array() } as Msg;
}

describe("a queue's message on the wire", () => {
  it("is read without headers, and named by its place", () => {
    expect(readMessage(given(null), SUBJECT)).toMatchObject({
      id: "7-1700",
      place: "7-1700",
      deliveries: 3,
      due: 0,
      headers: {},
    });
  });

  it("is read the same behind a domain, which has more in its reply", () => {
    const reply = "$JS.ACK.hub.account.s.c.3.7.9.1700.0.random";
    expect(readMessage(given(null, reply), SUBJECT)).toMatchObject({ place: "7-1700", deliveries: 3 });
  });

  it("has the id that it was put in with, also when it was put in again", () => {
    const first = { "Nats-Msg-Id": messageIdOf(SUBJECT, "a") };
    expect(readMessage(given(first), SUBJECT).id).toBe("a");
    const again = { "Nats-Msg-Id": `${SUBJECT}:#7-1700`, "Fettle-Id": "a", "Fettle-Deliveries": "2" };
    expect(readMessage(given(again), SUBJECT)).toMatchObject({ id: "a", deliveries: 5, deliveriesBefore: 2 });
  });

  it("gives an id that is no key one that is, the same each time", () => {
    const { id } = readMessage(given({ "Nats-Msg-Id": "päge 1" }), SUBJECT);
    expect(id).toMatch(/^p_ge_1-[0-9a-f]{16}$/);
    expect(readMessage(given({ "Nats-Msg-Id": "päge 1" }), SUBJECT).id).toBe(id);
  });

  it("keeps what else its publisher said, up to a bound, and of that neither the server's nor its own", () => {
    const headers = {
      "Nats-Msg-Id": "a",
      "nats-expected-stream": "s",
      "fettle-id": "b",
      "Fettle-Due": "12",
      "Fettle-Since": "11",
      Large: "x".repeat(3_000),
      Larger: "x".repeat(3_001),
      traceparent: "00-1",
    };
    const message = readMessage(given(headers), SUBJECT);
    expect(message).toMatchObject({ due: 12, headers: { traceparent: "00-1" } });
    expect(Object.keys(message.headers)).toEqual(["traceparent"]);
  });

  it("says when it was put in first: by its place, or by whoever put it in again", () => {
    const reply = "$JS.ACK.s.c.3.7.9.1795000000123456789.0";
    expect(readMessage(given(null, reply), SUBJECT).at).toBe(1_795_000_000_123);
    expect(readMessage(given({ "Fettle-Since": "1700" }, reply), SUBJECT).at).toBe(1_700);
  });
});
