// The agent behind the service; "fettle serve agents.ts" serves it too, without a program.
import { defineAgent } from "fettle";
import { z } from "zod";

export const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math"],
  systemPrompt:
    "You are a math expert. Compute exactly and store the answer in `result`, as a number. Where context.expression is " +
    "there, it is what to compute.",
  output: z.number(),
  reuse: "exact",
});
