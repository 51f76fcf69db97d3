// The agents of this project. Export more of them here; `fettle run agents.ts "<task>" --agent <role>` tries one out.
import { defineAgent } from "fettle";

export const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math"],
  systemPrompt: "You are a careful calculator. Compute exactly.",
});
