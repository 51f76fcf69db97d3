// Literals and taint together: code, the data it ran with, and whether it may ever answer for other data.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findTaint, type TaintEvidence } from "#src/core/taint";
import { readLiterals } from "#src/literals";

const taintOf = async (code: string, evidence: Partial<TaintEvidence> = {}) => {
  const literals = await readLiterals(code);
  if (literals === null) throw new Error(`The code could not be read: ${code}`);
  return findTaint(literals, {
    task: "Work it out.",
    context: {},
    output: null,
    toolReturns: [],
    ...evidence,
  });
};

describe("the literals of a program", () => {
  it.each<[string, string, readonly unknown[]]>([
    [
      "numbers however written",
      "f(1e3, 0x10, 0b11, 0o17, 1_000_000, .5, 42n, 1_0n)",
      [1000, 16, 3, 15, 1_000_000, 0.5, 42n, 10n],
    ],
    ["numbers with their signs", "f(-7, +8)", [-7, 7, 8]],
    ["sums and products of numbers, with their parts", "f(3628000 + 800)", [3628800, 3628000, 800]],
    [
      "texts put together, and not what is half-way",
      'f("ab" + "cd" + `e${"f"}`)',
      ["abcdef", "ab", "cd", "e", "f"],
    ],
    [
      "texts put together by way of constants",
      'const a = "ab"; const b = a + "cd"; f(b + 1)',
      ["ab", "abcd", "cd", "abcd1", 1],
    ],
    ["pieces of a template that holds values", "f(`Dear ${name}, you owe`)", ["Dear ", ", you owe"]],
    ["texts of patterns without their classes", String.raw`f(/Paris\d+\./)`, ["Paris +."]],
    ["what stands in lists and objects", 'f([7, { a: "x" }])', [7, "x"]],
    [
      "what stands in TypeScript",
      'const a: number = 7 as number; f<"no">(a!, "yes" satisfies string)',
      [7, "yes"],
    ],
  ])("are %s", async (_, code, values) => {
    const literals = await readLiterals(code);
    expect(new Set(literals?.values.filter((value) => value !== ""))).toEqual(new Set(values));
  });

  it("are apart from names of properties", async () => {
    const literals = await readLiterals('f({ a: row.b, "c": row["d"], e() {} })');
    expect([...(literals?.keys ?? [])].sort()).toEqual(["a", "b", "c", "e"]);
    expect(literals?.values).toEqual(["d"]);
  });

  it.each<[string, unknown]>([
    ["result = 5", 5],
    ["const result = [1, 'a', { b: -2 }]", [1, "a", { b: -2 }]],
    ["let result; result = `a${1}`", "a1"],
    ["return 6 * 7", 42],
    ["globalThis.result = true", true],
    ["const answer = { total: 5 }; result = answer", { total: 5 }],
    ["result = 1; result = 2", 2],
    ["const result: number = 5", 5],
  ])("see in %j a result that is one constant", async (code, value) => {
    expect((await readLiterals(code))?.constant).toEqual({ value });
  });

  it.each([
    "result = context.a",
    "let result = 0; for (const row of context.rows) result += row.n",
    "const result = []; for (const row of context.rows) result.push(row.n)",
    "let result = false; if (context.a) result = true",
    "const out = []; out.push(context.a); result = out",
    "if (context.a) return 1; return 2",
    "let n = 3; n += context.a; result = n",
    "result = f(1)",
  ])("see in %j a result that depends on something", async (code) => {
    expect((await readLiterals(code))?.constant).toBeNull();
  });

  it.each([
    ["no program", "result = ("],
    ["too long", `result = "${"x".repeat(70_000)}"`],
    ["nested too deeply", `result = ${"(".repeat(20_000)}1${")".repeat(20_000)}`],
    ["full of patterns that are slow to build", `result = /${"\\p{L}".repeat(1_000)}/u`],
    ["too tangled in its types", `let a: number; f(${"<T>(".repeat(60)}`],
  ])("cannot be read where the code is %s", async (_, code) => {
    expect(await readLiterals(code)).toBeNull();
  });
});

describe("code is tainted by", () => {
  it.each<[string, string, Partial<TaintEvidence>]>([
    ["the whole answer as a literal", "result = 3628800", { task: "Factorial of 10", output: 3628800 }],
    ["an answer in other writing", "result = 3_628_800", { task: "Factorial of 10", output: 3628800 }],
    ["an answer as a text", 'result = Number("3,628,800")', { task: "Factorial of 10", output: 3628800 }],
    ["an answer in two parts", "result = f(3628000 + 800)", { task: "Factorial of 10", output: 3628800 }],
    ["an answer as a BigInt", "result = Number(3628800n)", { task: "Factorial of 10", output: 3628800 }],
    [
      "an answer inside a text",
      "const n = 3628800; result = `It is ${f(n)}.`",
      { output: "It is 3,628,800." },
    ],
    ["a constant answer that is trivial otherwise", "result = 1", { output: 1 }],
    ["a constant true", "result = true", { output: true }],
    ["a constant nothing", "result = []", { output: [] }],
    ["a number of the context", "result = context.a * 17", { context: { a: 3, b: 17 }, output: 51 }],
    ["a number of the context, written otherwise", "result = f(0x11)", { context: { b: 17 } }],
    ["a number of the context, its sign turned", "result = context.a - 17", { context: { a: 3, b: -17 } }],
    ["a number inside a text of the context", "result = f(1499)", { context: { note: "costs 1,499 EUR" } }],
    ["a number with European marks", "result = f(1234.5)", { context: { note: "1.234,5 EUR" } }],
    ["a number with spaces", "result = f(1234567)", { context: { note: "1 234 567 EUR" } }],
    ["a text of the context", 'result = f("Paris")', { context: { city: "Paris" } }],
    ["a text in other case", 'result = f("PARIS")', { context: { city: "paris" } }],
    ["a text in two parts", 'result = f("Par" + "is")', { context: { city: "Paris" } }],
    [
      "a word of a text of the context",
      'result = f("Paris")',
      { context: { note: "The capital is Paris." } },
    ],
    [
      "a text that holds one of the context",
      'result = f(\'{"city":"Paris"}\')',
      { context: { city: "Paris" } },
    ],
    ["a pattern with a text of the context", "result = /Paris/.test(x)", { context: { city: "Paris" } }],
    ["a key that a text of the context names", "result = { AAPL: f() }", { context: { symbols: ["AAPL"] } }],
    [
      "a key of a dictionary",
      "result = context.prices.K7",
      {
        context: {
          prices: Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`K${index}`, index + 0.5])),
        },
        output: 7.5,
      },
    ],
    ["a key of a map", 'result = context.get("Paris")', { context: { map: new Map([["Paris", 1]]) } }],
    [
      "a day of the context",
      'result = f("2026-11-22")',
      { context: { day: new Date("2026-11-22T10:00:00Z") } },
    ],
    [
      "a day in milliseconds",
      "result = f(1795341600000)",
      { context: { day: new Date("2026-11-22T10:00:00Z") } },
    ],
    ["parts of a day", "result = new Date(2026, 10, 22)", { context: { day: "2026-11-22" } }],
    ["a number that a tool returned", "result = f(87.5)", { toolReturns: [{ price: 87.5 }] }],
    [
      "a text that a tool returned",
      'result = { name: "Acme", n: f() }',
      { toolReturns: [[{ name: "Acme" }]] },
    ],
    ["a text of the result", 'result = { city: "Paris", n: f() }', { output: { city: "Paris", n: 5 } }],
    [
      "a text of the result in pieces",
      'result = [f("The capital"), "is Paris"].join(" ")',
      { output: "The capital is Paris" },
    ],
    [
      "a constant under a name",
      "const total = 5417; result = { total, n: f() }",
      { output: { total: 5417, n: 3 } },
    ],
    ["more data than can be compared", "result = f(77)", { context: { text: "x".repeat(1_100_000) } }],
  ])("%s", async (_, code, evidence) => {
    expect(await taintOf(code, evidence)).not.toBeNull();
  });
});

describe("code is clean that holds", () => {
  it.each<[string, string, Partial<TaintEvidence>]>([
    [
      "a number that the task says",
      "let r = 1; for (let i = 2; i <= 10; i++) r *= i; result = r",
      { task: "Factorial of 10", output: 3628800 },
    ],
    [
      "a number that the task writes otherwise",
      "result = f(1_000_000)",
      { task: "Primes below 1,000,000", output: [2, 1_000_000] },
    ],
    [
      "a constant that the task says",
      "result = 'hello world'",
      { task: "Say Hello, world!", output: "hello world" },
    ],
    [
      "trivial numbers",
      "result = context.rows[0] * 100 / 2 - 1",
      { context: { rows: [1, 2, 100, 0] }, output: 49 },
    ],
    [
      "separators",
      'result = context.rows.join(", ")',
      { context: { rows: ["a, b", "c"] }, output: "a, b, c" },
    ],
    [
      "names of properties",
      'result = context.rows.map((row) => row["price"] * row.count)',
      { context: { rows: [{ price: 3, count: 4, unit: "price" }] }, output: [12] },
    ],
    [
      "words that the task says",
      'result = context.rows.filter((row) => row.state === "active").length',
      { task: "Count the active rows.", context: { rows: [{ state: "active" }] }, output: 1 },
    ],
    [
      "words that the agent is told each time",
      'result = context.a > 0 ? "rising" : "falling"',
      { instructions: 'type Result = "rising" | "falling";', context: { a: 5 }, output: "rising" },
    ],
    [
      "text around what it computes",
      "result = `Total revenue: ${f()} EUR`",
      { context: { a: 41 }, output: "Total revenue: 41 EUR" },
    ],
    [
      "digits in a program that had no data",
      "let n = 3; result = g(n, 5, 7)",
      { task: "The first ten primes", output: [2, 3, 5, 7, 11] },
    ],
    ["numbers that no data holds", "result = context.a * 0.19", { context: { a: 200 }, output: 38 }],
    ["nothing at all", "result = context.a + context.b", { context: { a: 17, b: 25 }, output: 42 }],
  ])("%s", async (_, code, evidence) => {
    expect(await taintOf(code, evidence)).toBeNull();
  });

  it("but a constant is no answer for being told to the agent", async () => {
    const instructions = 'type Result = "rising" | "falling";';
    expect(await taintOf('result = "rising"', { instructions, output: "rising" })).not.toBeNull();
  });

  it("but a digit counts where the run had data", async () => {
    expect(await taintOf("result = f(3)", { context: { a: 3 }, output: 9 })).not.toBeNull();
  });
});

describe("a taint", () => {
  it("names the literal, shortened, and nothing of the data", async () => {
    const city = `Paris ${"x".repeat(60)}`;
    const taint = await taintOf(`result = f("${city}")`, { context: { city, secret: "s3cret" } });
    expect(taint).toBe(`its literal "Paris ${"x".repeat(18)}…" stood in its context or what a tool returned`);
  });

  it("is found for any number or text of the data, wherever it stands", async () => {
    const leaf = fc.oneof(
      fc.integer({ min: 101, max: 1e9 }),
      fc.double({ min: 101, max: 1e6, noNaN: true }),
      fc
        .string({ minLength: 5, unit: fc.constantFrom("a", "b", "c", "d", "e", "1", "2", "3") })
        .filter((text) => /[a-e]/.test(text)),
    );
    const around = fc.constantFrom<(value: unknown) => unknown>(
      (value) => value,
      (value) => [[value]],
      (value) => ({ rows: [{ value }, 5] }),
      (value) => new Map([["k", new Set([value])]]),
    );
    await fc.assert(
      fc.asyncProperty(
        leaf,
        around,
        fc.constantFrom("context", "output", "tool"),
        async (value, wrap, where) => {
          const data = wrap(value);
          const evidence = where === "tool" ? { toolReturns: [data] } : { [where]: data };
          expect(await taintOf(`result = f(${JSON.stringify(value)}, context)`, evidence)).not.toBeNull();
        },
      ),
      { numRuns: 200 },
    );
  });
});
