// A guest awaits a tool that does nothing, again and again: from one call's arrival at the host to the next's.
import { openEcho } from "../contenders.mjs";
import { gaps, interleave, latency, timed } from "../samples.mjs";

export const toolCall = {
  id: "tool-call",
  title: "Tool call, guest to host and back",
  unit: "ms",
  better: "less",
  headline: "p50",
  aims: [{ column: "p50", below: 0.1 }],
  async measure({ contenders, counts }) {
    const echo = await openEcho();
    const echoed = async (count) => {
      const times = [];
      for (let call = 0; call < count; call += 1) times.push(await timed(echo.run));
      return times;
    };
    const able = contenders.filter(({ callTool }) => callTool !== undefined);
    const taken = await interleave([...able, { ...echo, echoed }], {
      rounds: counts.toolRounds,
      warmUp: counts.warmUp,
      burst: () => 1,
      sample: async ({ callTool, echoed: echoes }) =>
        echoes === undefined ? gaps(await callTool(counts.toolCalls)) : echoes(counts.toolCalls),
    });
    await echo.close();
    return [...taken].map(([{ name, apart }, samples]) => ({ name, apart, ...latency(samples) }));
  },
};
