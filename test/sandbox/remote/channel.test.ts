// A channel over a wire that loses, doubles and reorders: what was said is heard whole, once and in order.
import { describe, expect, it } from "vitest";
import { Channel, type Part } from "#src/sandbox/remote/channel";

const bounds = { maxHeard: 10_000_000, maxUnacknowledged: 10_000_000 };

function pairOf({ maxHeard, maxUnacknowledged } = bounds) {
  const wire: Part[] = [];
  const heard: string[] = [];
  const lost: string[] = [];
  const owner = {
    maxHeard,
    maxUnacknowledged,
    hear: (text: string) => void heard.push(text),
    lost: () => undefined,
  };
  const lose = (reason: string) => void lost.push(reason);
  const near = new Channel(owner, (part) => void wire.push(part), lose);
  const far = new Channel(owner, () => undefined, lose);
  return { near, far, wire, heard, lost };
}

describe("a channel", () => {
  it("cuts a message into parts that no server refuses, and puts it together again", () => {
    const { near, far, wire, heard } = pairOf();
    const message = "€😀x".repeat(400_000);
    near.post(message);
    expect(Math.max(...wire.map(({ text }) => new TextEncoder().encode(text).length))).toBeLessThanOrEqual(
      512 * 1024,
    );
    for (const part of wire) {
      const crossed = new TextDecoder().decode(new TextEncoder().encode(part.text));
      far.receive({ ...part, text: crossed });
    }
    expect(heard).toEqual([message]);
  });

  it("hears what was lost on the way once it is sent again, and nothing twice", () => {
    const { near, far, wire, heard } = pairOf();
    for (const word of ["a", "b", "c"]) near.post(word);
    const [a, , c] = wire.splice(0) as [Part, Part, Part];
    for (const part of [a, c, a]) far.receive(part);
    expect(heard).toEqual(["a"]);
    near.beat();
    near.beat();
    near.acknowledge(far.received);
    near.repeat();
    expect(wire.map(({ text }) => text)).toEqual(["b", "c"]);
    for (const part of [...wire, ...wire]) far.receive(part);
    near.acknowledge(far.received);
    expect(heard).toEqual(["a", "b", "c"]);
    expect(near.isSettled).toBe(true);
  });

  it("does not send again what may still be on its way", () => {
    const { near, wire } = pairOf();
    near.post("a");
    near.beat();
    near.repeat();
    expect(wire).toHaveLength(1);
  });

  it("is lost where a message grows beyond its bound, before it is put together", () => {
    const { far, heard, lost } = pairOf({ ...bounds, maxHeard: 10 });
    far.receive({ sequence: 1, more: true, text: "123456" });
    expect(lost).toEqual([]);
    far.receive({ sequence: 2, more: true, text: "123456" });
    expect(lost).toEqual([expect.stringContaining("larger than the run's limits allow (10 characters)")]);
    expect(heard).toEqual([]);
  });

  it("is lost where the other side never says that it has what was sent", () => {
    const { near, lost } = pairOf({ ...bounds, maxUnacknowledged: 10 });
    near.post("123456");
    near.post("123456");
    expect(lost).toEqual([expect.stringContaining("not acknowledged")]);
  });
});
