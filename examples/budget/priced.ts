// Played-back answers that cost something, so that budgets can be seen to work without a provider.
// Both the prices and the count are made up: a token is four characters, and the list below says what a million cost.
import { fileURLToPath } from "node:url";
import { createReplayModel, type Model, type ModelRequest, type TokenUsage } from "fettle";

const PRICES: Readonly<Record<string, { readonly input: number; readonly output: number }>> = {
  big: { input: 3, output: 15 },
  small: { input: 0.3, output: 1.5 },
};

/** US dollars; null for a model that is not in the list. */
function costOf({ input, output }: TokenUsage, model = "big"): number | null {
  const price = PRICES[model];
  return price === undefined ? null : (input * price.input + output * price.output) / 1_000_000;
}

function usageOf({ system, messages }: ModelRequest, answer: string): TokenUsage {
  const asked = [system, ...messages.map(({ content }) => content)].join("\n");
  const tokens = (text: string) => Math.ceil(text.length / 4);
  return { input: tokens(asked), output: tokens(answer), cacheRead: 0, cacheWrite: 0 };
}

/** Plays a recording back as the answers of `big`, or of the model that a request names. */
export function pricedModel(answers: URL): Model {
  const recorded = createReplayModel(fileURLToPath(answers));
  return {
    name: "example/big",
    isRecorded: true,
    costOf,
    async ask(request, options) {
      const answer = await recorded.ask(request, options);
      const tokens = usageOf(request, answer.text);
      const { model = "big" } = request;
      return { ...answer, provider: "example", model, tokens, costUsd: costOf(tokens, model) };
    },
  };
}
