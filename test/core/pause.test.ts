import { pause } from "#src/core/pause";
import { TestClock } from "fettle/testing";
import { expect, test } from "vitest";

test("a pause ends after its time", async () => {
  const clock = new TestClock();
  let isOver = false;
  const pausing = pause(100, { clock, signal: new AbortController().signal }).then(() => (isOver = true));
  clock.advance(99);
  await Promise.resolve();
  expect(isOver).toBe(false);
  clock.advance(1);
  await pausing;
});

test("a pause ends at once where nobody wants it any more, before it begins or after", async () => {
  const clock = new TestClock();
  const leaving = new AbortController();
  const pausing = pause(100, { clock, signal: leaving.signal });
  leaving.abort();
  await pausing;
  await pause(100, { clock, signal: leaving.signal });
});
