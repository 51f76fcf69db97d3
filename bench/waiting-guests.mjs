// Starts so many guests, lets all wait for a tool, reads the process's memory, answers all: one line of JSON.
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { defineTool } from "#src/core/tool";
import { createSandbox } from "fettle/sandbox";

const guests = Number(process.argv[2]);
const sandbox = createSandbox({ maxQueued: guests });

/** Runs `count` guests of which all wait at once; `whileWaiting` is called when the last has come. */
async function gather(count, whileWaiting) {
  let arrived = 0;
  let everyone = () => undefined;
  const here = new Promise((resolve) => (everyone = resolve));
  const answers = [];
  const wait = defineTool({
    description: "Waits for all.",
    input: z.number(),
    execute: (guest) => {
      arrived += 1;
      if (arrived === count) everyone();
      return new Promise((resolve) => answers.push(() => resolve(guest)));
    },
  });
  const run = (guest) =>
    sandbox.execute("result = await tools.wait(context)", { context: guest, tools: { wait } });
  const runs = Array.from({ length: count }, (_, guest) => run(guest));
  await here;
  await whileWaiting();
  const answering = performance.now();
  for (const answer of answers) answer();
  const outcomes = await Promise.all(runs);
  const answered = outcomes.filter(({ ok, value }, guest) => ok && value === guest).length;
  return { answered, answerMs: performance.now() - answering };
}

/** Resident memory once garbage is collected and the threads have had a moment to settle. */
async function residentMB() {
  for (let turn = 0; turn < 3; turn += 1) {
    globalThis.gc();
    await sleep(50);
  }
  return process.memoryUsage.rss() / 1e6;
}

await gather(20, async () => undefined);
const before = await residentMB();
const started = performance.now();
let startMs = 0;
let during = 0;
const { answered, answerMs } = await gather(guests, async () => {
  startMs = performance.now() - started;
  during = await residentMB();
});
await sandbox.close();
const mbEach = (during - before) / guests;
console.log(JSON.stringify({ mbEach, guests, lost: guests - answered, startMs, answerMs }));
