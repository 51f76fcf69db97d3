// Heavy programs with nothing hostile in them: they must give their right answers within the default limits.
import type { Entry } from "./entry.ts";

const honest = (name: string, value: unknown, code: string): Entry => ({ name, code, expect: { value } });

let factorial = 1n;
for (let n = 2n; n <= 500n; n += 1n) factorial *= n;

let hash = 2166136261;
for (let i = 0; i < 1_000_000; i += 1) hash = Math.imul(hash ^ (i & 255), 16777619) >>> 0;

const letters = Array.from({ length: 500_000 }, (_, i) => String.fromCharCode(97 + ((i * 7) % 26))).join("");

export const honestPrograms: readonly Entry[] = [
  honest(
    "sorts 100,000 numbers",
    [0, 49_999, 99_999],
    "const all = Array.from({ length: 1e5 }, (_, i) => (i * 7919) % 1e5).sort((a, b) => a - b); result = [all[0], all[49999], all[99999]]",
  ),
  honest(
    "sorts 20,000 strings",
    "key00000",
    "result = Array.from({ length: 20000 }, (_, i) => 'key' + String((i * 7919) % 20000).padStart(5, '0')).sort()[0]",
  ),
  honest(
    "hashes a million steps",
    hash,
    "let h = 2166136261; for (let i = 0; i < 1e6; i++) h = Math.imul(h ^ (i & 255), 16777619) >>> 0; result = h",
  ),
  honest(
    "multiplies matrices",
    100 * 99 * 0 + 328350,
    "const n = 100; const a = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => i === j ? j : 0)); let sum = 0; for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) { let cell = 0; for (let k = 0; k < n; k++) cell += a[i][k] * a[k][j]; sum += cell } result = sum",
  ),
  honest(
    "builds a string of half a megabyte",
    letters,
    "let text = ''; for (let i = 0; i < 500000; i++) text += String.fromCharCode(97 + (i * 7) % 26); result = text",
  ),
  honest(
    "reads and writes half a megabyte of JSON",
    20_000,
    "const text = JSON.stringify(Array.from({ length: 20000 }, (_, id) => ({ id, name: 'n' + id }))); const back = JSON.parse(text); result = text.length > 500000 ? back.filter((row) => row.name === 'n' + row.id).length : text.length",
  ),
  honest(
    "recurses a thousand deep",
    500_500,
    "const sum = (n) => n === 0 ? 0 : n + sum(n - 1); result = sum(1000)",
  ),
  honest(
    "counts words by a regular expression",
    { the: 20_000, fox: 20_000 },
    "const text = 'the quick fox '.repeat(20000); const counts = {}; for (const [word] of text.matchAll(/\\b(?:the|fox)\\b/gu)) counts[word] = (counts[word] ?? 0) + 1; result = counts",
  ),
  honest(
    "keeps a Map and a Set of 100,000",
    [100_000, 99_999, 100_000],
    "const map = new Map(); const set = new Set(); for (let i = 0; i < 1e5; i++) { map.set('k' + i, i); set.add(i * 3) } result = [map.size, map.get('k99999'), set.size]",
  ),
  honest(
    "returns a Set of 50,000 numbers",
    new Set(Array.from({ length: 50_000 }, (_, i) => i * 7)),
    "result = new Set(Array.from({ length: 50000 }, (_, i) => i * 7))",
  ),
  honest(
    "takes the factorial of 500",
    factorial,
    "let f = 1n; for (let n = 2n; n <= 500n; n++) f *= n; result = f",
  ),
  honest(
    "counts days",
    36_525,
    "const day = 864e5; let n = 0; for (let d = new Date(Date.UTC(2000, 0, 1)); d < new Date(Date.UTC(2100, 0, 1)); d = new Date(+d + day)) n++; result = n",
  ),
  honest(
    "finds primes with a generator",
    1229,
    "function* primes(max) { const sieve = new Uint8Array(max + 1); for (let i = 2; i <= max; i++) { if (sieve[i]) continue; yield i; for (let j = i * i; j <= max; j += i) sieve[j] = 1 } } result = [...primes(10000)].length",
  ),
  honest(
    "runs classes with private fields and inheritance",
    5000,
    "class Account { #balance = 0; add(n) { this.#balance += n; return this } get balance() { return this.#balance } } class Logged extends Account { log = []; add(n) { this.log.push(n); return super.add(n) } } const account = new Logged(); for (let i = 0; i < 5000; i++) account.add(1); result = account.balance",
  ),
  honest(
    "fans out over tools",
    2 * 1225,
    "const all = await Promise.all(Array.from({ length: 50 }, async (_, i) => (await tools.echo({ i })).i * 2)); result = all.reduce((a, b) => a + b, 0)",
  ),
  honest(
    "fans out over tools and rides out failures",
    { ok: 10, failed: 10 },
    "const all = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => i % 2 ? tools.fail({}) : tools.echo(i))); result = { ok: all.filter((one) => one.status === 'fulfilled').length, failed: all.filter((one) => one.status === 'rejected').length }",
  ),
  honest(
    "works on typed arrays",
    499_999_500_000,
    "const all = new Float64Array(1e6); for (let i = 0; i < all.length; i++) all[i] = i; result = all.reduce((a, b) => a + b, 0)",
  ),
  honest("returns 100,000 bytes", new Uint8Array(100_000).fill(7), "result = new Uint8Array(100000).fill(7)"),
  honest(
    "solves eight queens",
    92,
    "const solve = (row, cols, up, down) => { if (row === 8) return 1; let n = 0; for (let c = 0; c < 8; c++) { if (cols & 1 << c || up & 1 << row + c || down & 1 << row - c + 7) continue; n += solve(row + 1, cols | 1 << c, up | 1 << row + c, down | 1 << row - c + 7) } return n }; result = solve(0, 0, 0, 0)",
  ),
  honest(
    "parses CSV with quotes",
    [["a", 'b "c"', "d,e"], 5000],
    `const csv = 'a,"b ""c""","d,e"\\n'.repeat(5000); const rows = csv.trim().split("\\n").map((line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((m) => m[1]).filter((cell, i, all) => i < all.length - 1 || cell !== "").map((cell) => cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell)); result = [rows[0], rows.length]`,
  ),
  honest(
    "awaits ten thousand times",
    10_000,
    "let n = 0; for (let i = 0; i < 10000; i++) n += await Promise.resolve(1); result = n",
  ),
  honest(
    "groups and sums rows of its context",
    { a: 25_000, b: 25_000 },
    "const sums = {}; for (const { key, n } of context.rows) sums[key] = (sums[key] ?? 0) + n; result = sums",
  ),
].map((entry) =>
  entry.code.includes("context")
    ? {
        ...entry,
        context: { rows: Array.from({ length: 50_000 }, (_, i) => ({ key: i % 2 ? "a" : "b", n: 1 })) },
      }
    : entry,
);
