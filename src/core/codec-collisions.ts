// What inserting keys into a Map or a Set would cost V8, counted before it is done.
// V8 hashes numbers and BigInts without a seed, so that they can be chosen to fall into one chain: 650 kB of them
// hold a thread for 2.4 s. The table is played through with V8's own hash; no clock is asked, so that the same text
// always decodes alike. A V8 with another hash loses this protection, never honest data.
import { imul } from "./codec-intrinsics.ts";

/** Steps along chains that one text may cost: some 15 ms. Honest keys take about one step each. */
export const MAX_STEPS = 5_000_000;

/** Counts the steps that inserting `count` keys takes; stops counting above `most`. */
export function insertionSteps(keyAt: (index: number) => unknown, count: number, most: number): number {
  const hashes = new Int32Array(count);
  for (let index = 0; index < count; index += 1) hashes[index] = hashOf(keyAt(index));
  let steps = 0;
  let capacity = 4;
  let chains = new Uint32Array(capacity / 2);
  for (let index = 0; index < count && steps <= most; index += 1) {
    if (index === capacity) {
      capacity *= 2;
      chains = new Uint32Array(capacity / 2);
      for (let before = 0; before < index; before += 1) lengthen(chains, hashes[before] as number);
    }
    steps += lengthen(chains, hashes[index] as number);
  }
  return steps;
}

/** Adds a hash to its chain; gives how long the chain was. */
function lengthen(chains: Uint32Array, hash: number): number {
  if (hash === SEEDED) return 0;
  const chain = hash & (chains.length - 1);
  const length = chains[chain] as number;
  chains[chain] = length + 1;
  return length;
}

/** Marks keys whose hash cannot be foreseen: texts are hashed with a seed, objects by a number of their own. */
const SEEDED = -1;

function hashOf(key: unknown): number {
  if (typeof key === "number") return key === (key | 0) ? integerHash(key | 0) : doubleHash(key);
  if (typeof key === "bigint") {
    const size = key < 0n ? -key : key;
    return longHash(Number((size >> 32n) & 0xffffffffn) | 0, Number(size & 0xffffffffn) | 0);
  }
  return SEEDED;
}

function integerHash(key: number): number {
  let hash = (~key + (key << 15)) | 0;
  hash ^= hash >>> 12;
  hash = (hash + (hash << 2)) | 0;
  hash ^= hash >>> 4;
  hash = imul(hash, 2057);
  hash ^= hash >>> 16;
  return hash & 0x3fffffff;
}

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

function doubleHash(key: number): number {
  double[0] = key;
  return longHash(halves[1] as number, halves[0] as number);
}

/** V8's hash of 64 bits, on two halves. */
function longHash(upper: number, lower: number): number {
  let high = upper;
  let low = lower;
  // ~hash + (hash << 18)
  let sum = (~low >>> 0) + ((low << 18) >>> 0);
  high = (~high + ((high << 18) | (low >>> 14)) + (sum > 0xffffffff ? 1 : 0)) | 0;
  low = sum | 0;
  // hash ^ (hash >> 31)
  low ^= (high << 1) | (low >>> 31);
  high ^= high >>> 31;
  // hash * 21
  sum = (low >>> 0) * 21;
  high = (imul(high, 21) + (sum - (sum >>> 0)) / 0x100000000) | 0;
  low = sum | 0;
  // hash ^ (hash >> 11)
  low ^= (high << 21) | (low >>> 11);
  high ^= high >>> 11;
  // hash + (hash << 6)
  sum = (low >>> 0) + ((low << 6) >>> 0);
  high = (high + ((high << 6) | (low >>> 26)) + (sum > 0xffffffff ? 1 : 0)) | 0;
  low = sum | 0;
  // hash ^ (hash >> 22)
  low ^= (high << 10) | (low >>> 22);
  return low & 0x3fffffff;
}
