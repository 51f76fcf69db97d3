// What the examples import as "fettle" while their tokens are counted: the real package, with three things in place.
// Agents reuse proven code (`reuse: "exact"`), all meshes stand on one fabric in memory, and the model plays back the
// example's answers and counts tokens: one for every four characters of a text, rounded up.
import { fileURLToPath } from "node:url";
import { silentLog } from "../../dist/src/core/log.js";
import * as fettle from "../../dist/src/index.js";

export * from "../../dist/src/index.js";

/** The measurement: what all runs stand on, the run by its number from 1, and each model call. */
export const measurement = { fabric: fettle.createMemoryFabric(), sandbox: null, run: 0, asked: [] };

export const defineAgent = (options) =>
  fettle.defineAgent("handle" in options ? options : { ...options, reuse: "exact" });

/** Each run is a mesh of its own name, so that a workflow of the same id is begun anew; functions are the fabric's. */
export class Mesh extends fettle.Mesh {
  constructor(options) {
    const { fabric, sandbox, run } = measurement;
    super({ ...options, log: silentLog, fabric, sandbox, name: `run-${run}` });
  }
}

const tokensOf = (text) => Math.ceil(text.length / 4);
const sumOf = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

export function openModel({ fallback }) {
  const recorded = fettle.createReplayModel(fileURLToPath(fallback));
  const model = {
    ...recorded,
    async ask(request, options) {
      const answer = await recorded.ask(request, options);
      const input =
        tokensOf(request.system) + sumOf(request.messages.map(({ content }) => tokensOf(content)));
      const tokens = { input, output: tokensOf(answer.text), cacheRead: 0, cacheWrite: 0 };
      const [, task] = /^Task:\n(.*)/.exec(request.messages[0].content);
      measurement.asked.push({ run: measurement.run, task, tokens: tokens.input + tokens.output });
      return { ...answer, tokens };
    },
  };
  // As a provider's: the examples do not insist then on how often an answer was mended.
  return { model, source: "provider" };
}
