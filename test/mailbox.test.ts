import { describe, expect, it } from "vitest";
import { Mailbox } from "#src/mailbox";

const open = () => new AbortController().signal;

function mailbox(capacity = 3) {
  return new Mailbox<number>({ owner: "clerk.1", capacity });
}

describe("a mailbox", () => {
  it("gives messages in the order they came", async () => {
    const box = mailbox();
    box.push(1);
    box.push(2);
    expect([await box.take(open()), await box.take(open())]).toEqual([1, 2]);
  });

  it("wakes a reader that waits when a message comes", async () => {
    const box = mailbox();
    const taken = box.take(open());
    box.push(7);
    expect(await taken).toBe(7);
  });

  it("refuses a message beyond its capacity, naming its owner and bound", () => {
    const box = mailbox(1);
    box.push(1);
    expect(() => box.push(2)).toThrow(/"clerk\.1".*full \(1 messages wait\)/);
    expect(box.size).toBe(1);
  });

  it("keeps messages while it is held and gives them when it is not", async () => {
    const box = mailbox();
    box.hold();
    box.push(1);
    const taken = box.take(open());
    const first = await Promise.race([taken, Promise.resolve("nothing yet")]);
    expect(first).toBe("nothing yet");
    box.unhold();
    expect(await taken).toBe(1);
  });

  it("gives what waits after it is closed, then null, and refuses more", async () => {
    const box = mailbox();
    box.push(1);
    box.close();
    expect(() => box.push(2)).toThrow(expect.objectContaining({ code: "ACTOR_STOPPED" }));
    expect(await box.take(open())).toBe(1);
    expect(await box.take(open())).toBeNull();
  });

  it("ends a reader that waits when its signal is aborted", async () => {
    const box = mailbox();
    const controller = new AbortController();
    const taken = box.take(controller.signal);
    controller.abort();
    expect(await taken).toBeNull();
    box.push(5);
    expect(await box.take(open())).toBe(5);
  });

  it("stays in order and exact over many messages", async () => {
    const box = mailbox(5000);
    for (let i = 0; i < 5000; i++) box.push(i);
    for (let i = 0; i < 3000; i++) expect(await box.take(open())).toBe(i);
    for (let i = 0; i < 3000; i++) box.push(5000 + i);
    expect(box.size).toBe(5000);
    expect(box.clear()[0]).toBe(3000);
    expect(box.size).toBe(0);
  });
});
