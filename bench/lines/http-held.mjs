// Requests that all wait for their results at once: whether each gets its own, and how soon once there are results.
import { HELD } from "../http/contenders.mjs";

export const httpHeld = {
  id: "http-held",
  title: "Requests held over HTTP until all are answered at once",
  unit: "ms",
  better: "less",
  headline: "answerMs",
  aims: [{ column: "lost", below: 1 }],
  async measure({ contenders: [{ holding, load }], counts }) {
    const held = counts.httpHeld;
    const begun = performance.now();
    const loading = load({ connections: held, requests: held, agent: HELD });
    while (holding.size < held) await new Promise((resolve) => setTimeout(resolve, 5));
    const startMs = performance.now() - begun;
    const released = performance.now();
    for (const release of holding) release(1);
    const { lost } = await loading;
    const answerMs = performance.now() - released;
    return [{ name: "Fettle over HTTP", apart: "a connection each", held, lost, startMs, answerMs }];
  },
};
