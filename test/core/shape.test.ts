// The canonical shape of a context: what is equal, what is not, and that the effort has bounds.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shapeOf } from "#src/core/shape";

describe("the shape of a value", () => {
  it.each<[string, unknown, string]>([
    [
      "primitives by their kinds",
      { a: 1, b: "x", c: true, d: null, e: 1n },
      '{"a":number,"b":string,"c":boolean,"d":null,"e":bigint}',
    ],
    ["undefined as a kind of its own", { a: undefined }, '{"a":undefined}'],
    ["keys in the order of their characters", { b: 1, a: 1 }, '{"a":number,"b":number}'],
    [
      "elements as one, what some lack as optional",
      [{ a: 1 }, { a: 2, b: "x" }],
      '[{"a":number,"b"?:string}]',
    ],
    ["elements of several kinds as a sorted union", ["x", 1, null], "[null|number|string]"],
    ["an empty list as a list of nothing", { rows: [] }, '{"rows":[]}'],
    ["lists of lists", [[1], ["x"]], "[[number|string]]"],
    ["maps and sets", new Map([["a", new Set([1])]]), "Map<string,Set<number>>"],
    [
      "dates, patterns, errors and bytes by name",
      [new Date(0), /x/, new Error("x"), new Uint8Array(1)],
      "[Date|Error|RegExp|Uint8Array]",
    ],
    ["a key that looks like syntax, quoted", { 'a":number,"b': 1 }, '{"a\\":number,\\"b":number}'],
  ])("has %s", (_, value, shape) => {
    expect(shapeOf(value)).toBe(shape);
  });

  it("takes an object of more than fifty keys for a dictionary, whose keys are data", () => {
    const prices = (count: number, prefix: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, index]));
    expect(shapeOf(prices(51, "a"))).toBe("{[key]:number}");
    expect(shapeOf(prices(51, "a"))).toBe(shapeOf(prices(80, "b")));
    expect(shapeOf(prices(50, "a"))).not.toBe(shapeOf(prices(50, "b")));
  });

  it("looks at every element, the last one too", () => {
    const rows: unknown[] = Array.from({ length: 5_000 }, () => ({ a: 1 }));
    expect(shapeOf([...rows, { a: "x" }])).toBe('[{"a":number|string}]');
  });

  it("has none where a value is too deep, too large or without end", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    let deep: unknown = 1;
    for (let depth = 0; depth < 70; depth += 1) deep = [deep];
    expect(shapeOf(circle)).toBeNull();
    expect(shapeOf(deep)).toBeNull();
    expect(shapeOf(Array.from({ length: 300_000 }, () => 1))).toBeNull();
    expect(
      shapeOf(Array.from({ length: 2_000 }, (_, index) => ({ [`${"k".repeat(40)}${index}`]: 1 }))),
    ).toBeNull();
  });

  it("is the same whatever the order of keys and elements, and whatever the values", () => {
    const value = fc.jsonValue({ maxDepth: 4 });
    const turn = (one: unknown): unknown => {
      if (Array.isArray(one)) return one.map(turn).reverse();
      if (typeof one === "number") return one + 1;
      if (typeof one === "string") return `${one}!`;
      if (typeof one !== "object" || one === null) return one;
      return Object.fromEntries(
        Object.entries(one)
          .map(([key, part]) => [key, turn(part)])
          .reverse(),
      );
    };
    fc.assert(fc.property(value, (one) => shapeOf(turn(one)) === shapeOf(one)));
  });

  it("differs where a property is added, dropped or of another kind", () => {
    const object = fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string()), {
      minKeys: 1,
      maxKeys: 20,
    });
    fc.assert(
      fc.property(object, (one) => {
        const [key = "", value] = Object.entries(one)[0] ?? [];
        const { [key]: _, ...rest } = one;
        expect(shapeOf(rest)).not.toBe(shapeOf(one));
        expect(shapeOf({ ...one, [key]: [value] })).not.toBe(shapeOf(one));
      }),
    );
  });
});
