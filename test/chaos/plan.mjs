// Which lives a campaign kills, and where.
// Invariant: the seed decides everything that is chosen by chance; the same seed makes the same plan.

/** A generator of numbers from 0 up to 1 (mulberry32): the same for the same seed. */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A run for each point: once before the write, once after it. Every fourth run is killed again while it recovers, and
 * every eighth once more.
 *
 * @param most so many runs at most, spread evenly over the points
 */
export function pointPlan(writes, random, most = Infinity) {
  const all = writes.flatMap((_, index) => ["before", "after"].map((when) => ({ point: index + 1, when })));
  const step = Math.max(1, all.length / most);
  const points = [];
  for (let at = random() * (step - 1); at < all.length && points.length < most; at += step) {
    points.push(all[Math.floor(at)]);
  }
  const again = () => all[Math.floor(random() * all.length)];
  return points.map((death, index) => [
    death,
    ...(index % 4 === 0 ? [again()] : []),
    ...(index % 8 === 0 ? [again()] : []),
  ]);
}

/** Runs that are killed at any instant of the time that an undisturbed one takes, every other one twice. */
export function instantPlan(tookMs, random, count) {
  const instant = () => ({ afterMs: random() * tookMs });
  return Array.from({ length: count }, (_, index) => [instant(), ...(index % 2 === 0 ? [instant()] : [])]);
}
