// Math.random from a seed, so that a run can be repeated exactly (sfc32 of PractRand, 53 bits a number).
// Not for secrets: a guest has none.
import { imul } from "./intrinsics.ts";

/** A generator of numbers from 0 to 1 (exclusive); equal seeds give equal numbers. */
export function makeRandom(seed: number): () => number {
  let a = imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  let b = imul(seed ^ 0x243f6a88, 0xc2b2ae35);
  let c = seed | 0;
  let count = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let warm = 0; warm < 12; warm += 1) next();
  return () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
}
