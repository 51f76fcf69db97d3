// A tool for runs that lose their node half way.
import { z } from "zod";
import { defineTool } from "#src/core/tool";

/** A tool that tells of its calls and waits for the test in the second. */
export function steps() {
  const made: number[] = [];
  const heard: (() => void)[] = [];
  let release: () => void = () => undefined;
  const step = defineTool({
    description: "A step.",
    input: z.number(),
    execute: async (input) => {
      made.push(input);
      for (const hear of heard.splice(0)) hear();
      if (input === 2) await new Promise<void>((resolve) => (release = resolve));
      return input * 10;
    },
  });
  const second = async (): Promise<void> => {
    while (!made.includes(2)) await new Promise<void>((resolve) => heard.push(resolve));
  };
  return { made, step, second, release: () => release() };
}
