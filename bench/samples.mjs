// Samples and what is said of them. Times are milliseconds.
// Invariant: a percentile is a value that was measured (nearest rank), never one between two.

/** The value that so many of 100 samples do not exceed. */
export function percentile(samples, percent) {
  const sorted = Float64Array.from(samples).sort();
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1];
}

/**
 * The columns of latency lines, in milliseconds, and how many samples they stand on. The `p10` is in the JSON alone:
 * it is near what an idle machine would give where this one was busy.
 */
export function latency(samples) {
  const at = (percent) => percentile(samples, percent);
  return { p10: at(10), p50: at(50), p99: at(99), samples: samples.length };
}

/** How long one call takes, in milliseconds. */
export async function timed(call) {
  const started = performance.now();
  await call();
  return performance.now() - started;
}

/** The time from each moment to the next. */
export function gaps(moments) {
  return moments.slice(1).map((moment, index) => moment - moments[index]);
}

/**
 * Samples of several contenders, taken in turns (A B C A B C …), so that what else the machine does meets all alike.
 * Each turn takes `burst` samples of one contender by `sample(contender)`, which gives a time or a list of times.
 */
export async function interleave(contenders, { rounds, warmUp, burst, sample }) {
  const taken = new Map(contenders.map((contender) => [contender, []]));
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const [contender, samples] of taken) {
      for (let count = burst(contender); count > 0; count -= 1) {
        const measured = await sample(contender);
        if (round >= 0) samples.push(...[measured].flat());
      }
    }
  }
  return taken;
}
